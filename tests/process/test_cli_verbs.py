"""The command line as a person uses it: real core, real runs, exit codes and JSON."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from cli_rig import Cli
from core_rig import until
from fake_checkout import make_checkout
from nanochat_host.core.client import CoreClient
from nanochat_host.core.start import core_is_up
from nanochat_host.paths import Paths

CANARY = "canary-4d1b09ce55"


@pytest.fixture(scope="module")
def cli(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cli]:
    home = tmp_path_factory.mktemp("cli-home")
    paths = Paths(home)
    run = Cli(paths, WANDB_API_KEY=CANARY)
    run.json("checkout", "add", str(make_checkout(home / "fake")), "--name", "fake")
    yield run
    run.close()


@pytest.fixture(scope="module")
def ended(cli: Cli) -> str:
    """The id of a run that ended well."""
    words = ["--checkout", "fake", "--set", "num_iterations=20", "--name", "first"]
    started = cli("run", "start", "base_train", *words, "--follow", "--json")
    lines = [
        json.loads(line)
        for line in started.out.replace("\n}\n", "\n}\x00").split("\x00")[1].splitlines()
    ]
    assert lines[-1]["state"] == "done"
    return str(lines[-1]["id"])


def test_core_start_status_debug_stop(tmp_path: Path) -> None:
    cli = Cli(Paths(tmp_path))
    assert cli.json("core", "status", code=1) == {"up": False}
    assert cli.json("core", "start")["home"] == str(tmp_path)
    assert "debug   off" in cli("core", "status").out
    cli("core", "debug", "on")
    assert cli.json("core", "status")["debug"] is True
    assert cli.json("core", "stop")["stopped"] is True
    until(lambda: not core_is_up(cli.paths), "the core is down")
    assert cli.json("core", "stop")["stopped"] is False


def test_checkout_list_info_remove(cli: Cli, tmp_path: Path) -> None:
    assert {"tiny", "fake"} <= {ref["name"] for ref in cli.json("checkout", "list")}
    stage = cli.json("checkout", "info", "tiny", "--stage", "base_train")
    assert stage["dialect"] == "argparse"
    depth = next(o for o in stage["options"] if o["name"] == "depth")
    assert depth["type"] == "int"
    assert depth["help"]
    assert "LEFT OUT" in cli("checkout", "info", "tiny").out
    cli("checkout", "add", str(make_checkout(tmp_path / "other")))
    cli("checkout", "remove", "other")
    assert "other" not in {ref["name"] for ref in cli.json("checkout", "list")}


def test_a_folder_that_is_no_checkout_is_refused_with_the_way_out(cli: Cli, tmp_path: Path) -> None:
    error = cli("checkout", "add", str(tmp_path), "--json", code=2).error
    assert str(tmp_path) in error["message"]
    assert error["hint"]
    assert "no stage" in cli("checkout", "info", "tiny", "--stage", "trian", code=2).err


def test_run_start_follow_list_show_metrics_logs(cli: Cli, ended: str) -> None:
    assert ended in cli("run", "list").out
    assert [r["facts"]["id"] for r in cli.json("run", "list", "--state", "done")] == [ended]
    assert "no run is lost" in cli("run", "list", "--state", "lost").out
    assert "did you mean `done`" in cli("run", "list", "--state", "doen", code=2).err
    shown = cli.json("run", "show", "first")
    assert shown["status"]["exit_code"] == 0
    assert "base_train" in cli("run", "show", ended[-4:]).out
    metrics = {m["name"]: m for m in cli.json("run", "metrics", ended)}
    assert metrics["train/loss_raw"]["count"] == 20
    assert "step 19" in cli("run", "logs", ended, "--lines", "10").out
    page = cli.json("run", "logs", ended, "--search", "step 7 ")
    assert [line["text"][:6] for line in page["lines"]] == ["step 7"]
    assert "step 19" in cli("run", "logs", ended, "--follow").out


def test_whoever_follows_a_run_is_told_when_the_core_goes_before_it(cli: Cli) -> None:
    words = ["--checkout", "fake", "--set", "num_iterations=1000000", "--set", "step_ms=5"]
    command = cli.command("run", "start", "base_train", *words, "--name", "followed", "--follow")
    start = subprocess.Popen(command, env=cli.env, stdout=-1, stderr=-1, text=True)
    try:
        client = CoreClient(cli.paths)
        trains = ("followed", "running")
        until(lambda: trains in [(r.facts.name, r.facts.state) for r in client.runs()], "it runs")
        command = cli.command("run", "logs", "followed", "--follow")
        logs = subprocess.Popen(command, env=cli.env, stdout=-1, stderr=-1, text=True)
        assert logs.stdout and logs.stdout.readline()
        cli("core", "stop")
        for follower in (start, logs):
            _, told = follower.communicate(timeout=60)
            # no core: it asked for something just then
            assert follower.returncode == 1 and re.search("core has gone|no core at", told)
    finally:
        cli("run", "stop", "followed", "--mode", "kill", "--yes")


def test_run_export_is_a_script_that_runs(cli: Cli, ended: str, tmp_path: Path) -> None:
    script = tmp_path / "again.sh"
    script.write_text(cli("run", "export", ended).out)
    done = subprocess.run(["bash", str(script)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "step 19" in done.stdout


def test_run_errors_say_what_and_what_next(cli: Cli, ended: str) -> None:
    unknown = cli(
        "run", "start", "base_train", "--checkout", "fake", "--set", "dept=4", "--json", code=2
    )
    assert "dept" in unknown.error["message"]
    assert "depth" in unknown.error["message"] + unknown.error["hint"]
    wrong = cli("run", "start", "base_train", "--checkout", "fake", "--set", "depth=four", code=2)
    assert "depth" in wrong.err
    assert "run list" in cli("run", "show", "no-such-run", code=2).err
    assert "KEY=VALUE" in cli("run", "patch", ended, "lr", code=2).err
    assert cli("run", "save", ended, "--json", code=2).error["message"]
    assert "nothing was deleted" in cli("run", "delete", ended, code=2).out


def test_steering_save_eval_sample_pause_resume_patch_stop(cli: Cli) -> None:
    words = [
        "--set",
        "num_iterations=1000000",
        "--set",
        "step_ms=5",
        "--set",
        "sample_every=1000000",
    ]
    run = cli.json("run", "start", "base_train", "--checkout", "fake", *words)["facts"]["id"]
    client = CoreClient(cli.paths)
    until(lambda: client.run(run).summary.facts.step > 2, "the loop is under way")
    for verb in (
        ("run", "save"),
        ("run", "eval"),
        ("run", "sample"),
        ("run", "pause"),
        ("run", "resume"),
    ):
        event = cli.json(*verb, run)
        assert event["fields"]["what"] in {"applied", "paused", "resumed"}
    assert cli.json("run", "patch", run, "eval_every=5")["fields"]["value"] == 5
    assert "applied" in cli("run", "patch", run, "lr=0.5").out
    assert "learning rates = 0.5 from step" in cli("run", "show", run).out
    fixed = cli("run", "patch", run, "depth=8", code=2)
    assert "depth" in fixed.err
    assert "--yes" in cli("run", "stop", run, "--mode", "kill", code=2).err
    cli("run", "stop", run)
    until(lambda: client.run(run).summary.facts.state == "done", "saved and stopped")
    assert client.run(run).status.exit_code == 0
    cli("run", "delete", run, "--yes")
    assert run not in cli("run", "list").out


def test_panel_list_and_render(cli: Cli, ended: str) -> None:
    assert "builtin:loss" in {p["id"] for p in cli.json("panel", "list")}
    text = cli("panel", "render", "builtin:loss", "--run", ended, "--size", "90x16").out
    assert len(text.splitlines()) <= 16
    assert "train" in text
    events = str(cli.paths.run(ended).events_jsonl)
    replayed = cli("panel", "render", "builtin:loss", "--replay", events, "--size", "90x16").out
    assert replayed.splitlines()[0] == text.splitlines()[0]
    assert cli("panel", "render", "builtin:loss", "--run", ended, "--svg").out.startswith("<svg")
    assert cli.json("panel", "render", "builtin:loss", "--run", ended)["kind"] == "chart"


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["builtin:los", "--run", "last"], "builtin:loss"),
        (["builtin:loss", "--run", "last", "--size", "wide"], "WIDTHxHEIGHT"),
        (["builtin:loss", "--replay", "no-such.jsonl"], "no-such.jsonl"),
        (["builtin:loss", "--replay", sys.executable], "no event"),
        (["builtin:loss", "--run", "last", "--set", "smoothing=7"], "smoothing"),
    ],
)
def test_panel_render_errors(cli: Cli, ended: str, words: list[str], part: str) -> None:
    assert part in cli("panel", "render", *words, code=2).err


def test_keys_list_check(cli: Cli) -> None:
    ids = {row["id"] for row in cli.json("keys", "list")}
    assert {"app.quit", "dashboard.steer.save"} <= ids
    assert "[keys]" in cli("keys", "list", "--toml").out
    assert cli.json("keys", "check")["wrong"] == []
    (cli.paths.home / "keymap.toml").write_text('[keys]\n"app.qiut" = "f4"\n')
    assert "did you mean `app.quit`" in cli("keys", "check", code=2).out


def test_layout_list_show_check(cli: Cli, tmp_path: Path) -> None:
    assert {"default", "minimal", "no-panels", "wide"} <= {
        x["name"] for x in cli.json("layout", "list")
    }
    assert "builtin:loss" in cli("layout", "show", "default").out
    assert "no errors" in cli("layout", "check", "default").out
    broken = tmp_path / "broken.toml"
    broken.write_text('version = 1\ntitle = "x"\n[[screens]]\nid = "a"\ntitel = "A"\n')
    answer = cli.json("layout", "check", str(broken), code=2)
    assert any(
        e["line"] == 5 and e["key"].endswith("titel") and e["near"] == "title"
        for e in answer["errors"]
    )


def test_doctor_and_its_report(cli: Cli, tmp_path: Path) -> None:
    import tarfile

    report = tmp_path / "report.tar.gz"
    folder = cli.json("doctor", "--report", str(tmp_path), code=None)["report"]
    assert Path(folder).parent == tmp_path and tarfile.is_tarfile(folder)
    answer = cli.json("doctor", "--report", str(report), code=None)
    areas = {check["area"] for check in answer["checks"]}
    assert {"python", "terminal", "disk", "gpu", "training", "core", "screens", "sandbox"} <= areas
    assert not [c for c in answer["checks"] if c["state"] == "fail"]
    (level,) = [c["detail"] for c in answer["checks"] if c["name"] == "level"]
    assert level.split(":")[0] in ("strict", "full", "none")
    with tarfile.open(report) as archive:
        for member in archive.getmembers():
            text = archive.extractfile(member).read().decode()  # type: ignore[union-attr]
            assert CANARY not in text


def test_the_canary_is_nowhere_in_our_folder(cli: Cli, ended: str) -> None:
    cli("core", "stop")  # what it writes last is there, and no file comes or goes meanwhile
    for path in cli.paths.home.rglob("*"):
        if path.is_file():
            assert CANARY.encode() not in path.read_bytes(), path


@pytest.mark.torch
def test_demo_headless_trains_and_saves(tmp_path: Path) -> None:
    cli = Cli(Paths(tmp_path))
    try:
        out = cli("demo", "--headless", "--set", "num_iterations=3", "--set", "eval_every=-1").out
        assert "checkpoint saved at step 3" in out
        assert "done" in out.splitlines()[-1]
        base = cli.paths.demo_base / "base_checkpoints"
        assert list(base.glob("*/model_000003.pt"))
    finally:
        cli("core", "stop")


def test_what_is_left_out_of_a_recipe_is_told(cli: Cli, tmp_path: Path) -> None:
    checkout = make_checkout(tmp_path / "odd")
    only_then = "python -m scripts.base_train --seed=$(date +%s)"
    (checkout / "go.sh").write_text(f"python -m scripts.tok_train\n{only_then}\n")
    cli("checkout", "add", str(checkout))
    lines = cli("checkout", "info", "odd", "--stage", "go").out.splitlines()
    assert lines[0] == "go.sh"
    assert "  scripts.tok_train" in lines and f"  {only_then}" in lines
    (note,) = cli.json("run", "start", "go", "--checkout", "odd")["notes"]
    assert "go.sh: 1 of its commands are left out" in note
