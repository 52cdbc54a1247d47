"""What a person points us at is not what it should be: one clear line, and nothing lost."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import core_rig
import msgspec
import pytest
from core_rig import small_disk, status_of, until
from nanochat_host.core.start import prepare_core_dir
from nanochat_host.ui.session import Session, save_session
from resilience_rig import (
    Live,
    cli,
    live_run,
    refusal,
    says,
    shows_step_after,
    steps_reported,
)
from tui_rig import TuiRig, ended, tui_rig

BINARY = bytes(range(256)) * 8
WRONG_LAYOUT = 'version = 1\ntitle = "x"\n\n[[screens]]\nid = "a"\ntitle = 3\n'


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with live_run(tmp_path_factory.mktemp("live")) as live:
        yield live


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[TuiRig]:
    """A home where nothing was started yet."""
    with tui_rig(tmp_path) as rig:
        yield rig


@pytest.fixture
def files(live: Live, tmp_path: Path) -> Path:
    """A folder of things that are not what they are given as."""
    (tmp_path / "empty").mkdir()
    (tmp_path / "binary").write_bytes(BINARY)
    (tmp_path / "binary.toml").write_bytes(BINARY)
    (tmp_path / "wrong.toml").write_text(WRONG_LAYOUT)
    return tmp_path


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("checkout add {}/empty", "empty has no nanochat script"),
        ("checkout add {}/nowhere", "nowhere does not exist"),
        ("checkout add {}/binary", "binary is not a folder"),
        ("panel render builtin:loss --replay {}/binary", "binary is no text: it holds no event"),
        ("panel render builtin:loss --replay {}/nowhere", "nowhere: no such file"),
        ("run show nobody", "there is no run `nobody`"),
    ],
)
def test_a_thing_that_is_none(live: Live, files: Path, words: str, said: str) -> None:
    line = refusal(cli(live.rig, *words.format(files).split()))
    assert said in line and line.count("\n") == 2, "what it is, then the way out"


@pytest.mark.parametrize(
    ("file", "said"),
    [
        ("binary.toml", "binary.toml: is not text but a binary file"),
        ("wrong.toml", "wrong.toml:6: `title` must be text, not 3"),
    ],
)
def test_a_layout_that_is_none(live: Live, files: Path, file: str, said: str) -> None:
    layout = str(files / file)
    checked = cli(live.rig, "layout", "check", layout)
    assert checked.returncode == 2 and said in checked.stdout + checked.stderr
    tui = live.rig.open("--layout", layout)
    assert ended(tui) == 2
    assert said in tui.text.replace("\n", "") and "Traceback" not in tui.text


def test_a_remembered_layout_gone_wrong_gives_way_to_the_default(fresh: TuiRig) -> None:
    fresh.paths.layouts.mkdir(parents=True)
    (fresh.paths.layouts / "mine.toml").write_text(WRONG_LAYOUT)
    save_session(fresh.paths, msgspec.json.encode(Session(layout="mine", mode="dashboard")))
    tui = fresh.open()
    says(tui, "mine.toml:6: `title` must be text, not 3")
    says(tui, "showing the default layout")
    tui.wait_for("1 Train")


def test_scripts_that_cannot_be_read(live: Live, tmp_path: Path) -> None:
    checkout = core_rig.make_checkout(tmp_path / "odd")
    (checkout / "scripts" / "base_train.py").write_text("import os\ndef broken(:\n")
    (checkout / "scripts" / "tok_train.py").write_bytes(BINARY)
    (checkout / "runs" / "demo.sh").write_bytes(BINARY)
    none_left = refusal(cli(live.rig, "checkout", "add", str(checkout)))
    assert "tok_train.py: a binary file" in none_left
    (checkout / "scripts" / "base_eval.py").write_text("print('fine')\n")
    assert cli(live.rig, "checkout", "add", str(checkout)).returncode == 0
    info = cli(live.rig, "checkout", "info", "odd")
    assert info.returncode == 0 and "line 2" in info.stdout and "a binary file" in info.stdout
    for target, said in [
        ("base_train", "scripts/base_train.py: line 2: invalid syntax"),
        ("tok_train", "scripts/tok_train.py: a binary file"),
        ("demo", "no stage or pipeline `demo`"),
    ]:
        line = refusal(cli(live.rig, "run", "start", target, "--checkout", "odd"))
        assert said in line and line.count("\n") == 2
    assert len(list(live.rig.paths.runs.iterdir())) == 1, "nothing was started"


@pytest.mark.torch
def test_a_truncated_checkpoint_is_named_with_the_way_out(fresh: TuiRig) -> None:
    folder = fresh.paths.demo_base / "base_checkpoints" / "demo"
    folder.mkdir(parents=True)
    whole = folder / "model_000004.pt"
    whole.write_bytes(b"PK\x03\x04" + BINARY)
    words = ("run", "start", "base_eval", "--checkout", "tiny", "--name", "eval")
    assert "tokenizer" in refusal(cli(fresh, *words))
    started = cli(fresh, *words, "--force")
    assert started.returncode == 0, started
    tui = fresh.open("--run", "last", size=(250, 30))
    tui.wait_for("✗ failed", 90.0)
    tui.press("o")
    tui.wait_for("cannot load .*model_000004.pt")
    told = cli(fresh, "run", "show", "last").stdout
    assert f"error: cannot load {whole}" in told and "take another step" in told
    assert "Traceback" not in cli(fresh, "run", "logs", "last").stdout


def test_garbage_among_the_events_is_left_out_and_said(live: Live) -> None:
    shown = live.tui
    with live.run.events_jsonl.open("ab") as file:
        file.write(BINARY + b'\n{"ts": 1, "kind": "met\n[1, 2]\n')
    says(shown, "events.jsonl holds lines that are no events")
    live.moves_on()
    told = cli(live.rig, "run", "show", "last")
    assert told.returncode == 0 and "lines that are no events" in told.stdout
    copy = live.rig.folder / "torn.jsonl"
    copy.write_bytes(live.run.events_jsonl.read_bytes()[:-20])
    drawn = cli(live.rig, "panel", "render", "builtin:loss", "--replay", str(copy))
    assert drawn.returncode == 0 and "train" in drawn.stdout
    assert "torn.jsonl: left out" in drawn.stderr and "Traceback" not in drawn.stderr
    steps = steps_reported(live.run)
    assert steps == list(range(len(steps)))


@pytest.mark.parametrize("what", ["a program's socket", "a file"])
def test_the_place_of_the_core_s_socket_is_taken(fresh: TuiRig, what: str) -> None:
    prepare_core_dir(fresh.paths)
    where = fresh.paths.core_socket
    with contextlib.ExitStack() as stack:
        if what == "a file":
            where.write_text("mine")
        else:
            other = stack.enter_context(socket.socket(socket.AF_UNIX))
            other.bind(str(where))
            other.listen()
        line = refusal(cli(fresh, "run", "list"))
        assert str(where) in line and "then try again" in line
        tui = fresh.open()
        tui.wait_for("core away")
        says(tui, "is not a socket" if what == "a file" else "is in use by another program")

        def above() -> str:
            return " ".join(" ".join(tui.text.splitlines()[:24]).split())

        # What to do stays on the screen when the toast is gone.
        tui.wait_until(lambda: "then try again" in above(), "what to do")
        assert where.exists(), "it is not ours to remove"
    where.unlink()
    tui.wait_for("core up")


def test_a_pid_of_long_ago_and_a_socket_nobody_listens_at(fresh: TuiRig) -> None:
    prepare_core_dir(fresh.paths)
    fresh.paths.core_lock.write_text("1\n")
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(fresh.paths.core_socket))
    tui = fresh.open()
    tui.wait_for("core up")
    assert fresh.client.health().pid != 1


@pytest.mark.torch
def test_a_core_starts_on_a_full_disk_and_shows_what_there_is(live: Live, tmp_path: Path) -> None:
    if os.getuid() != 0:
        # Only root can have a file system of its own; a home that refuses every write is as full.
        (tmp_path / "home").mkdir(mode=0o500)
        assert "cannot use" in refusal(cli(TuiRig(tmp_path), "run", "list"))
        return
    with small_disk(tmp_path / "home", 2**20) as home, tui_rig(tmp_path) as rig:
        ballast = home / "ballast"
        with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(bytes(512))
        tui = rig.open()
        tui.wait_for("core up")
        assert "a full disk leaves half a checkpoint" in refusal(cli(rig, "run", "start", "demo"))
        line = refusal(cli(rig, "run", "start", "demo", "--force"))
        assert "No space left on device" in line and "free some space" in line
        assert not list(rig.paths.runs.glob("*")), "no half-made run is left"
        ballast.unlink()
        assert cli(rig, "run", "list").returncode == 0


def test_after_all_that_the_run_goes_on(live: Live) -> None:
    assert status_of(live.run).state == "running"
    last = steps_reported(live.run)[-1]
    until(lambda: steps_reported(live.run)[-1] > last, "it trains")
    shows_step_after(live.tui, last)
