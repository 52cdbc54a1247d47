"""Going on with a run: its checkpoint, its options, and what was patched while it ran. One name for
run, model and W&B."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from core_rig import CoreRig, events_of, until
from fake_checkout import WHILE_LOOP, make_checkout
from nanochat_host.cli import main
from nanochat_host.core.wire import AddCheckout, Control, StartRun, StopRun
from nanochat_host.errors import RefusedError
from nanochat_host.paths import RunPaths

RESUMES = """
parser.add_argument("--run", type=str, default="dummy")
parser.add_argument("--model-tag", type=str, default="")
parser.add_argument("--resume-from-step", type=int, default=-1)
args = parser.parse_args()
base = os.environ["NANOCHAT_BASE_DIR"]
out = os.path.join(base, "base_checkpoints", args.model_tag or f"d{args.depth}")
"""


def resuming(source: str) -> str:
    """The fake trainer with nanochat's options to resume."""
    source = source.replace("\nargs = parser.parse_args()\n", RESUMES)
    source = source.replace("\nstep = 0\n", "\nstep = max(0, args.resume_from_step)\n")
    return source.replace('"out/tag"', "out")


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CoreRig]:
    rig = CoreRig(tmp_path_factory.mktemp("continue"))
    rig.start()
    looping = make_checkout(rig.folder / "looping")
    (looping / "scripts" / "base_train.py").write_text(resuming(WHILE_LOOP))
    base = str(rig.folder / "base")
    rig.client.add_checkout(AddCheckout(str(looping), "fake", python=sys.executable, base_dir=base))
    yield rig
    rig.close()


LONG = {"num_iterations": 1_000_000, "step_ms": 2, "eval_every": -1, "depth": 6}


def train(rig: CoreRig, wish: StartRun, past: int = 1) -> RunPaths:
    """Start it, although its fake checkpoints are no real ones, and wait until it is past that
    step."""
    wish.force = True
    run = rig.paths.run(rig.client.start_run(wish).facts.id)
    until(lambda: rig.summary(run).facts.step > past, "it trains")
    return run


def tell(rig: CoreRig, run: RunPaths, control: Control) -> None:
    ack = rig.client.control(run.run_id, control)
    event = rig.client.wait_for_ack(run.run_id, ack.id, 20)
    assert event is not None and event.fields["what"] == "applied"


def stop(rig: CoreRig, run: RunPaths) -> int:
    """Save and stop. Returns the step of the checkpoint."""
    rig.client.stop_run(run.run_id, StopRun("save"))
    assert rig.ended(run).facts.state == "done"
    return max(e["step"] for e in events_of(run) if e["kind"] == "checkpoint")


def applied(run: RunPaths) -> list[tuple[object, ...]]:
    return [
        (e["cmd"], e.get("name"), e["value"])
        for e in events_of(run)
        if e.get("what") == "applied" and "value" in e
    ]


def notes(run: RunPaths) -> str:
    return "\n".join(e["text"] for e in events_of(run) if e["kind"] == "log" and "text" in e)


def test_patches_are_sent_again_before_the_first_step(rig: CoreRig) -> None:
    first = train(rig, StartRun("fake", "base_train", options=LONG))
    for control in (
        Control("set", "eval_every", 7), Control("set", "eval_every", 9), Control("lr", value=0.5),
    ):  # fmt: skip
        tell(rig, first, control)
    with pytest.raises(RefusedError, match="`depth` is fixed when the run starts"):
        rig.client.control(first.run_id, Control("set", "depth", 8))
    with pytest.raises(RefusedError, match="`nosuch` is neither an option of this run nor"):
        rig.client.control(first.run_id, Control("set", "nosuch", 8))
    saved = stop(rig, first)

    second = train(rig, StartRun("", "", continues=first.run_id), saved + 1)
    detail = rig.client.run(second.run_id)
    config, record = detail.record.config, detail.record
    assert (config["resume_from_step"], config["depth"], config["step_ms"]) == (saved, 6, 2)
    assert (record.continues, record.target) == (first.run_id, "base_train")
    assert record.parent_checkpoint.endswith(f"base_checkpoints/d6/model_{saved:06d}.pt")
    sent = [("set", "eval_every", 9), ("lr", None, 0.5)]
    assert applied(second) == sent
    assert "sent again: eval_every=9, lr x0.5" in notes(second)
    assert [patch["step"] for patch in detail.patches] == [saved, saved]

    saved = stop(rig, second)
    third = train(rig, StartRun("", "", continues=second.run_id), saved)
    assert applied(third) == sent, "what was sent again goes on to the next"
    stop(rig, third)


def test_resuming_by_options_finds_the_run_that_saved(rig: CoreRig) -> None:
    first = train(rig, StartRun("fake", "base_train", options={**LONG, "depth": 5}))
    tell(rig, first, Control("set", "eval_every", 11))
    tell(rig, first, Control("set", "sample_every", 13))
    saved = stop(rig, first)
    options = {**LONG, "depth": 5, "resume_from_step": saved, "sample_every": 20}
    second = train(rig, StartRun("fake", "base_train", options=options), saved)
    assert rig.client.run(second.run_id).record.continues == first.run_id
    assert applied(second) == [("set", "eval_every", 11)]
    assert "sample_every=13 is not sent again: it was given anew" in notes(second)
    stop(rig, second)


def test_what_cannot_go_on_says_why(rig: CoreRig, capsys: pytest.CaptureFixture[str]) -> None:
    run = train(rig, StartRun("fake", "base_train", options={**LONG, "depth": 3}))
    again = StartRun("", "", continues=run.run_id, force=True)
    with pytest.raises(RefusedError, match="is running"):
        rig.client.start_run(again)
    rig.client.stop_run(run.run_id, StopRun("kill"))
    rig.ended(run)
    with pytest.raises(RefusedError, match="saved no checkpoint that is still there"):
        rig.client.start_run(again)
    script = rig.folder / "looping" / "scripts" / "base_train.py"
    source = script.read_text()
    script.write_text(source + "def broken(:\n")
    try:
        with pytest.raises(RefusedError, match=r"base_train of the checkout cannot be read: line"):
            rig.client.start_run(again)
    finally:
        script.write_text(source)
    saving = rig.paths.run(rig.client.start_run(StartRun("fake", "chat_rl", force=True)).facts.id)
    assert rig.ended(saving).facts.state == "done"
    with pytest.raises(RefusedError, match="cannot go on from a checkpoint"):
        rig.client.start_run(StartRun("", "", continues=saving.run_id))
    assert len(rig.client.runs()) == len({r.facts.id for r in rig.client.runs()})


def test_a_name_is_the_tag_of_the_model_too(
    rig: CoreRig, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NANOCHAT_CLI_HOME", str(rig.paths.home))
    start = ["run", "start", "base_train", "--checkout", "fake", "--set", "num_iterations=3"]
    assert main([*start, "--name", "my first try", "--follow"]) == 0
    capsys.readouterr()
    folder = rig.folder / "base" / "base_checkpoints" / "my-first-try"
    assert (folder / "model_000003.pt").is_file()
    assert main(["run", "export", "last"]) == 0
    line = capsys.readouterr().out.splitlines()[-1]
    assert line.endswith("-m scripts.base_train --num-iterations=3 --model-tag=my-first-try")
    assert main([*start, "--name", "other", "--set", "model_tag=mine", "--follow"]) == 0
    assert (rig.folder / "base" / "base_checkpoints" / "mine").is_dir()
    assert (
        main(
            [
                "run",
                "start",
                "--continue",
                "last",
                "--set",
                "num_iterations=5",
                "--force",
                "--follow",
            ]
        )
        == 0
    )
    assert (rig.folder / "base" / "base_checkpoints" / "mine" / "model_000005.pt").is_file()


def test_a_base_folder_that_cannot_be_written_is_one_line(rig: CoreRig, tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.touch()
    folder = rig.folder / "looping"
    rig.client.add_checkout(
        AddCheckout(str(folder), "blocked", python=sys.executable, base_dir=str(blocked / "base"))
    )
    before = len(rig.client.runs())
    with pytest.raises(RefusedError, match="nothing can be written to"):
        rig.client.start_run(StartRun("blocked", "base_train", force=True))
    assert len(rig.client.runs()) == before
