"""The core's parts that need no process: what they make of files, texts and command lines."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from nanochat_host.checkout.model import Option
from nanochat_host.core import (
    calls,
    http1,
    options,
    run_folder,
    snapshot,
    start,
    steering,
    stop,
    wire,
)
from nanochat_host.core.checkouts import builtin_path
from nanochat_host.core.control import ControlLog
from nanochat_host.core.run_entry import Run
from nanochat_host.errors import (
    CannotWriteError,
    CoreUnavailableError,
    NanochatCliError,
    NotFoundError,
    RefusedError,
    UsageError,
)
from nanochat_host.paths import Paths, RunPaths
from nanochat_sdk.data import Event


@pytest.fixture
def run(tmp_path: Path) -> RunPaths:
    record = wire.RunRecord(
        run_folder.new_run_id("x", 0.0), "n", "c", "/c", "python", "/b", [], created_at=1.0
    )
    return run_folder.create(Paths(tmp_path), record, wire.RunStatus("starting"))


def test_run_folder_is_private_and_complete(run: RunPaths) -> None:
    assert stat.S_IMODE(run.root.stat().st_mode) == 0o700
    assert run_folder.read_status(run).state == "starting"
    assert run_folder.read_record(run).id == run.run_id
    run.state_json.write_text("{")
    with pytest.raises(run_folder.BrokenRunError, match=r"state\.json"):
        run_folder.read_status(run)


def test_removing_a_run_follows_no_link(run: RunPaths, tmp_path: Path) -> None:
    treasure = tmp_path / "treasure"
    treasure.mkdir()
    (treasure / "gold").touch()
    run.telemetry.mkdir()
    (run.telemetry / "link").symlink_to(treasure)
    (run.root / "file-link").symlink_to(treasure / "gold")
    run_folder.remove(run)
    assert not run.root.exists() and (treasure / "gold").exists()


def test_a_file_written_while_a_run_is_removed_does_not_keep_it(
    run: RunPaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    walk = os.walk

    def walk_with_a_writer(root: Path, *, topdown: bool) -> Iterator[Any]:
        for found in walk(root, topdown=topdown):
            yield found
            with contextlib.suppress(OSError):
                (run.telemetry / "late").touch()

    run.telemetry.mkdir()
    monkeypatch.setattr(run_folder.os, "walk", walk_with_a_writer)
    run_folder.remove(run)
    assert list(run.root.parent.iterdir()) == []


def test_what_a_killed_core_was_removing_is_removed_at_the_next_start(
    run: RunPaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(run_folder.os, "walk", killed)
        with pytest.raises(KeyboardInterrupt):
            run_folder.remove(run)
    assert list(run.root.parent.iterdir()) != []
    paths = Paths(run.root.parent.parent)
    assert paths.runs == run.root.parent
    assert run_folder.runs_in(paths) == [] and list(paths.runs.iterdir()) == []


async def test_a_stop_is_announced_to_the_shim_before_the_trainer_knows(
    run: RunPaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []
    entry = Run(run, run_folder.read_record(run), run_folder.read_status(run))
    monkeypatch.setattr(stop, "tell", lambda _run, rung: order.append(f"signal for {rung}"))

    def command(control: wire.Control) -> str:
        order.append(f"command {control.cmd}")
        entry.over.set()
        return "c1"

    monkeypatch.setattr(entry.control, "append", command)
    await stop.climb_down(entry, "save", 60.0, lambda text, level: None)
    assert order == ["signal for save", "command stop"]


async def test_a_stop_that_cannot_be_written_goes_on_with_a_signal(
    run: RunPaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = Run(run, run_folder.read_record(run), run_folder.read_status(run))
    told: list[str] = []
    notes: list[str] = []

    def tell(_run: Run, rung: str) -> None:
        told.append(rung)
        if rung == "term":
            entry.over.set()

    def full(control: wire.Control) -> str:
        raise CannotWriteError(run.control_jsonl, OSError(errno.ENOSPC, "No space left on device"))

    monkeypatch.setattr(stop, "tell", tell)
    monkeypatch.setattr(entry.control, "append", full)
    await stop.climb_down(entry, "save", 60.0, lambda text, level: notes.append(text))
    assert told == ["save", "term"]
    assert any("No space left" in note for note in notes)


def test_who_answers_is_asked_again_while_no_core_can_come(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    free: list[bool] = []

    def answers(paths: Paths) -> bool:
        with paths.core_lock.open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                free.append(True)
            except BlockingIOError:
                free.append(False)
        return True

    paths = Paths(tmp_path)
    start.prepare_core_dir(paths)
    monkeypatch.setattr(start, "core_is_up", answers)
    assert start.is_foreign(paths) and free == [True, False]


@pytest.mark.parametrize("target", ["base_train", "scripts.base_train", "../../etc", "ä ö", "--x"])
def test_run_ids_are_safe_names(target: str) -> None:
    run_id = run_folder.new_run_id(target, 1e9)
    assert re.fullmatch(r"20010909-\d{6}-[A-Za-z0-9_-]+-[a-z0-9]{4}", run_id)


def test_the_shim_lock_has_one_holder(run: RunPaths) -> None:
    lock = run_folder.lock_shim(run)
    assert lock is not None and run_folder.lock_shim(run) is None
    assert run_folder.shim_is_alive(run)
    os.close(lock)
    assert not run_folder.shim_is_alive(run)


def test_control_ids_count_on(run: RunPaths) -> None:
    log = ControlLog(run)
    assert log.append(wire.Control("save", at_step=5)) == "c1"
    with run.control_jsonl.open("a") as file:
        file.write("torn {\n")
    again = ControlLog(run)
    assert again.append(wire.Control("set", "eval_every", 10)) == "c2"
    first, second = again.commands()
    assert (first["cmd"], first["at_step"]) == ("save", 5) and "value" not in first
    assert (second["name"], second["value"]) == ("eval_every", 10)


def test_steering_starts_afresh_with_every_stage() -> None:
    def state(what: str, **fields: object) -> Event:
        return Event(0.0, "state", 3, {"what": what, **fields})

    events = [state("instrumented", loop="while", live=["lr"])]
    assert steering.read_steering(events).loop == "live"
    events.append(state("applied", id="c1", cmd="set", old=1))
    events.append(state("stage", index=1))
    now = steering.read_steering(events)
    assert (now.loop, now.live) == ("unknown", [])
    commands = [
        {"id": "c1", "cmd": "set", "name": "x", "value": 2},
        {"id": "c2", "cmd": "lr", "value": 0.1},
        {"id": "c3", "cmd": "save"},
    ]
    first, second = steering.patches(commands, now)
    assert (first["result"], first["step"], first["old"]) == ("applied", 3, 1)
    assert second["result"] == "sent"
    events.append(state("instrumented", loop=None))
    assert steering.read_steering(events).loop == "none"


OPTIONS = [
    Option("depth", "--depth", "int", 4),
    Option("lr", "--lr", "float", 0.1),
    Option("tag", "--model-tag", "str", ""),
    Option("dry", "--dry", "bool", False, action="store_true"),
    Option("mix", "--mix", "bool", True, action="optional_bool"),
    Option("kinds", "--kinds", "str", None, action="repeated"),
]


@pytest.mark.parametrize(
    ("name", "value", "fitted"),
    [
        ("depth", "12", 12), ("depth", 12.0, 12), ("lr", 1, 1.0), ("lr", "3e-4", 3e-4),
        ("tag", 5, "5"), ("dry", "yes", True), ("dry", False, False),
        ("kinds", [1, "b"], ["1", "b"]),
    ],
)  # fmt: skip
def test_values_are_fitted(name: str, value: object, fitted: object) -> None:
    option = next(option for option in OPTIONS if option.name == name)
    found = options.fit(option, value)
    assert found == fitted and type(found) is type(fitted)


@pytest.mark.parametrize(
    ("name", "value"),
    [("depth", 1.5), ("depth", True), ("depth", "x"), ("lr", None), ("dry", 7), ("tag", ["a"])],
)
def test_values_that_do_not_fit_name_the_option(name: str, value: object) -> None:
    option = next(option for option in OPTIONS if option.name == name)
    with pytest.raises(UsageError, match=f"`{name}`"):
        options.fit(option, value)


def test_a_command_line_is_taken_apart_without_loss() -> None:
    argv = ["--depth=3", "--lr", "0.5", "extra", "--dry", "--no-mix", "--kinds", "a", "b",
            "--model_tag=$TAG", "--unknown=1"]  # fmt: skip
    pieces = options.read_argv(OPTIONS, argv)
    assert [word for piece in pieces for word in piece.words] == argv
    values = {piece.option.name: piece.value for piece in pieces if piece.option}
    assert values == {
        "depth": 3, "lr": 0.5, "dry": True, "mix": False, "kinds": ["a", "b"], "tag": "$TAG",
    }  # fmt: skip


def test_heads_of_answers() -> None:
    head = http1.parse_head(b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\nConnection: close\r\n\r\n")
    assert head == (200, 12, True)
    assert http1.parse_head(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n").length is None
    for raw in (
        b"SSH-2.0\r\n",
        b"HTTP/1.1 x\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n",
        b"",
    ):
        with pytest.raises(CoreUnavailableError):
            http1.parse_head(raw)
    with pytest.raises(CoreUnavailableError):
        http1.chunk_size(b"zz\r\n")


def test_server_sent_events_in_any_pieces() -> None:
    raw = b': still here\n\ndata: {"a": 1}\n\ndata: {"b": 2}\n\n'
    for size in (1, 5, len(raw)):
        reader = http1.EventReader()
        pieces = [raw[i : i + size] for i in range(0, len(raw), size)]
        assert [p for piece in pieces for p in reader.feed(piece)] == [b'{"a": 1}', b'{"b": 2}']


@pytest.mark.parametrize("kind", [UsageError, RefusedError, NotFoundError, CoreUnavailableError])
def test_errors_come_out_as_they_went_in(kind: type[NanochatCliError]) -> None:
    body = msgspec.json.encode(wire.ErrorBody("special", "what", "hint"))
    with pytest.raises(kind) as caught:
        calls.health().decode(kind.status, body)
    assert (caught.value.code, caught.value.message, caught.value.hint) == (
        "special",
        "what",
        "hint",
    )
    assert caught.value.exit_code == kind.exit_code
    with pytest.raises(CoreUnavailableError, match="makes no sense"):
        calls.health().decode(200, b"<html>")


def test_names_in_paths_are_quoted() -> None:
    assert calls.run("../x").path == "/v1/runs/..%2Fx"
    assert calls.run("a?b").path == "/v1/runs/a%3Fb"


def test_the_built_in_checkout_is_found() -> None:
    path = builtin_path()
    assert path is not None and (path / "scripts" / "base_train.py").is_file()


def test_tokenizer_and_diff_of_nothing(tmp_path: Path) -> None:
    assert snapshot.tokenizer_sha256(str(tmp_path)) == ""
    assert snapshot.dirty_diff(tmp_path) == ""
    (tmp_path / "tokenizer").mkdir()
    (tmp_path / "tokenizer" / "tokenizer.pkl").write_bytes(b"abc")
    assert snapshot.tokenizer_sha256(str(tmp_path)).startswith("ba7816bf")
