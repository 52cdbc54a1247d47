"""The trainer as a process: signals, crashes, full disks, children."""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fake_checkout import Trainer, make_checkout
from nanochat_host.checkout.launch import HOOK_RUNNER

NEVER_ENDING = ("--num-iterations=1000000", "--step-ms=1")


@pytest.fixture
def trainer(tmp_path: Path) -> Iterator[Trainer]:
    trainer = Trainer(make_checkout(tmp_path))
    yield trainer
    trainer.close()


def test_sigterm_finishes_the_step_saves_and_exits_0(trainer: Trainer) -> None:
    trainer.start("scripts.base_train", *NEVER_ENDING)
    trainer.wait_for(lambda: trainer.metric("train/loss_raw"))
    assert trainer.process is not None
    trainer.process.send_signal(signal.SIGTERM)
    code, output = trainer.finish()
    assert code == 0
    assert "done" in output
    (applied,) = trainer.events("state", "applied")
    assert (applied["id"], applied["cmd"]) == ("SIGTERM", "stop")
    assert [e["step"] for e in trainer.events("checkpoint")] == [applied["step"]]


def test_sighup_is_ignored(trainer: Trainer) -> None:
    trainer.start("scripts.base_train", *NEVER_ENDING)
    trainer.wait_for(lambda: trainer.metric("train/loss_raw"))
    assert trainer.process is not None
    trainer.process.send_signal(signal.SIGHUP)
    seen = max(trainer.metric("train/loss_raw"))
    trainer.wait_for(lambda: max(trainer.metric("train/loss_raw")) > seen + 5)
    trainer.command("stop")
    assert trainer.finish()[0] == 0


WAITS = """
import os, sys
{loop}
print("ready", flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize(
    "loop",
    ["", "for step in range(2):\n    if 0: loss.backward(); opt.step()"],
    ids=["no loop", "after the loop"],
)
def test_outside_a_loop_sigterm_ends_the_process(trainer: Trainer, loop: str) -> None:
    (trainer.checkout / "scripts" / "waits.py").write_text(WAITS.format(loop=loop))
    trainer.start("scripts.waits", stdin=-1)
    trainer.wait_for(lambda: trainer.said == ["ready\n"])
    assert trainer.process is not None
    trainer.process.send_signal(signal.SIGTERM)
    assert trainer.finish()[0] == -signal.SIGTERM


FORKS = """
import os, signal, sys
class Thing:
    def backward(self): pass
    def step(self): pass
loss = opt = Thing()
for step in range(3):
    loss.backward()
    opt.step()
    if step == 1:
        child = os.fork()
        if child == 0:
            signal.pause()
            os._exit(3)
        os.kill(child, signal.SIGTERM)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def test_a_forked_child_still_dies_of_sigterm(trainer: Trainer) -> None:
    """A data loader's worker that caught SIGTERM would hang its parent."""
    (trainer.checkout / "scripts" / "forks.py").write_text(FORKS)
    assert trainer.run("scripts.forks") == (0, "-15\n")
    assert trainer.events("state", "end")[0]["ticks"] == 3


def test_a_crash_is_reported_and_looks_as_without_the_hook(trainer: Trainer) -> None:
    code, output = trainer.run("scripts.base_train", "--crash-at=3")
    (error,) = trainer.events("state", "error")
    assert (error["type"], error["message"]) == ("ValueError", "the model exploded")
    (end,) = trainer.events("state", "end")
    assert (code, end["exit_code"]) == (1, 1)
    plain_code, plain = Trainer(trainer.checkout).run(
        "scripts.base_train", "--crash-at=3", hook=False
    )
    assert plain_code == 1
    script = str(trainer.checkout / "scripts" / "base_train.py")
    frame = plain[plain.index(f'File "{script}"') :]
    assert output[output.index(f'File "{script}"') :] == frame
    assert output.count("File ") == 1
    assert frame.strip() in error["traceback"]


def test_no_loop_runs_untouched(trainer: Trainer) -> None:
    code, output = trainer.run("scripts.tok_train", "--x=1", "-v")
    assert (code, output) == (0, "argv ['--x=1', '-v'] __main__ []\n")
    (found,) = trainer.events("state", "instrumented")
    assert found["loop"] is None
    assert "no loop" in found["reason"]
    assert trainer.events("state", "end")[0]["exit_code"] == 0


def test_no_loop_refuses_commands_when_it_ends(trainer: Trainer) -> None:
    trainer.command("save")
    assert trainer.run("scripts.tok_train")[0] == 0
    assert [e["id"] for e in trainer.events("state", "refused")] == ["save"]


@pytest.mark.parametrize(
    ("source", "code", "kind"),
    [
        ("import sys; sys.exit(7)", 7, ""),
        ("import sys; sys.exit('no data')", 1, ""),
        ("raise SystemExit", 0, ""),
        ("def broken(:\n", 1, "SyntaxError"),
        ("import not_there", 1, "ModuleNotFoundError"),
    ],
)
def test_exit_codes_are_the_scripts(trainer: Trainer, source: str, code: int, kind: str) -> None:
    (trainer.checkout / "scripts" / "ends.py").write_text(source)
    found, output = trainer.run("scripts.ends")
    assert found == code
    assert Trainer(trainer.checkout).run("scripts.ends", hook=False)[0] == code
    assert [e["type"] for e in trainer.events("state", "error")] == ([kind] if kind else [])
    assert "_nanochat_cli_hook" not in output
    assert "hook/session.py" not in output


def test_a_module_that_is_not_there(trainer: Trainer) -> None:
    code, output = trainer.run("scripts.nowhere")
    assert code == 1
    assert "No module named 'scripts.nowhere'" in output
    assert trainer.events("state", "error")


def test_not_a_number_is_written_as_text(trainer: Trainer) -> None:
    assert trainer.run("scripts.base_train", "--nan-from=5")[0] == 0
    values = trainer.metric("train/loss_raw")
    assert (values[4], values[5], values[19]) == (2.96, "nan", "nan")


def test_a_full_disk_loses_events_not_training(trainer: Trainer) -> None:
    """The events file hits a size limit, as on a full disk; training ends as ever."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (8192, resource.RLIM_INFINITY))

    code, output = trainer.run("scripts.base_train", "--num-iterations=200", preexec_fn=limit)
    assert code == 0
    assert "step 199 " in output
    text = trainer.events_path.read_text()
    assert len(text) <= 8192
    complete = text[: text.rfind("\n") + 1].splitlines()
    assert all(json.loads(line) for line in complete)
    assert len(complete) > 10


FILLS_AND_FREES = """
import resource
class Thing:
    def backward(self): pass
    def step(self): pass
loss = opt = Thing()
def limit(size):
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
for step in range(300):
    loss.backward()
    opt.step()
    x = step
    if step == 10:
        limit(4096)
    if step == 200:
        limit(resource.RLIM_INFINITY)
"""


@pytest.fixture
def filled(trainer: Trainer) -> Trainer:
    """Its disk is full from step 10 to step 200 of 300."""
    (trainer.checkout / "scripts" / "fills.py").write_text(FILLS_AND_FREES)
    return trainer


def readable(trainer: Trainer) -> tuple[list[dict[str, Any]], int]:
    """Events, and how many lines are none."""
    events, torn = [], 0
    for line in trainer.events_path.read_text().splitlines():
        try:
            events.append(json.loads(line))
        except ValueError:
            torn += 1
    return events, torn


def test_a_full_disk_costs_no_event(filled: Trainer) -> None:
    assert filled.run("scripts.fills")[0] == 0
    events, torn = readable(filled)
    assert [e["step"] for e in events if "loop/x" in e] == list(range(300))
    assert torn <= 1
    assert not [e for e in events if e["kind"] == "log"]


def test_past_what_memory_holds_a_note_says_what_was_lost(filled: Trainer) -> None:
    few = "import _nanochat_cli_hook.events as e; e.MAX_OWED_BYTES = 4096\n"
    script = filled.checkout / "scripts" / "fills.py"
    script.write_text(few + script.read_text())
    assert filled.run("scripts.fills")[0] == 0
    events, _ = readable(filled)
    steps = [e["step"] for e in events if "loop/x" in e]
    (note,) = [e for e in events if e["kind"] == "log"]
    assert steps == sorted(set(steps)) and steps[-1] == 299
    lost = int(note["text"].removesuffix(" events were lost: File too large"))
    assert 300 - len(steps) == lost and 100 < lost < 200


def test_events_that_cannot_be_written_at_all_harm_nothing(trainer: Trainer) -> None:
    trainer.events_path.mkdir()
    code, output = trainer.run("scripts.base_train")
    assert code == 0
    assert "step 19 " in output


def test_a_requested_save_that_fails_is_reported_cleaned_up_and_survived(trainer: Trainer) -> None:
    (trainer.checkout / "disk_is_full").touch()
    trainer.command("save", at_step=2)
    code, output = trainer.run("scripts.base_train", "--num-iterations=8")
    first, last = trainer.events("checkpoint")
    assert (first["step"], first["ok"], first["files"]) == (2, False, {})
    assert "No space left on device" in first["error"]
    assert "step 7 " in output
    assert not list((trainer.checkout / "out/tag").glob("*_000002.*")), "no torn file remains"
    # The run's own last save fails as it would without us.
    assert (last["step"], last["ok"], code) == (8, False, 1)


def test_spawned_children_run_the_script_and_not_the_hook(trainer: Trainer) -> None:
    code, output = trainer.run("scripts.spawns", "--flag")
    assert code == 0
    assert output == "child (['--flag'], False)\nexit 0\n"
    assert len(trainer.events("state", "start")) == 1


def test_the_hooks_own_modules_and_settings_stay_out_of_sight(trainer: Trainer) -> None:
    (trainer.checkout / "scripts" / "looks.py").write_text(
        "import os, sys\n"
        "print([k for k in os.environ if k.startswith('NANOCHAT_CLI_')])\n"
        "print(sys.path[0] == os.getcwd(), any('checkout/hook' in p for p in sys.path))\n"
        "own = sys.modules['__main__'].__dict__\n"
        "print(__spec__.name, sys.argv[0] == __file__, own is globals())\n"
    )
    code, output = trainer.run("scripts.looks")
    assert code == 0
    assert output == "[]\nTrue False\nscripts.looks True True\n"
    plain = Trainer(trainer.checkout).run("scripts.looks", hook=False)
    assert plain == (0, output)


def test_a_loop_the_hook_cannot_rewrite_runs_untouched(trainer: Trainer) -> None:
    broken = trainer.checkout / "broken_hook"
    shutil.copytree(HOOK_RUNNER.parent, broken)
    with (broken / "transform.py").open("a") as file:
        file.write(
            "\ndef instrument(tree):\n    tree.body.clear()\n    raise RuntimeError('boom')\n"
        )
    done = subprocess.run(
        [sys.executable, str(broken / "runner.py"), "scripts.base_train"],
        cwd=trainer.checkout,
        env={**os.environ, "NANOCHAT_CLI_EVENTS": str(trainer.events_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0
    assert "step 19 " in done.stdout
    (found,) = trainer.events("state", "instrumented")
    assert found["loop"] is None
    assert found["reason"] == "could not instrument: RuntimeError: boom"


def test_a_failing_report_is_noted_a_few_times_and_training_goes_on(trainer: Trainer) -> None:
    (trainer.checkout / "scripts" / "hostile.py").write_text(
        "class Thing:\n"
        "    def backward(self): pass\n"
        "    def step(self): pass\n"
        "class Evil(float):\n"
        "    def __float__(self): raise RuntimeError('evil')\n"
        "loss = opt = Thing()\n"
        "for step in range(100):\n"
        "    loss.backward()\n"
        "    opt.step()\n"
        "    x = Evil(1.0)\n"
        "print('trained', step)\n"
    )
    assert trainer.run("scripts.hostile") == (0, "trained 99\n")
    notes = [e for e in trainer.events("log") if "evil" in e["text"]]
    assert 1 <= len(notes) <= 20
    assert trainer.events("state", "end")[0]["ticks"] == 100
