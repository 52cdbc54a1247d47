"""A secret with a value that occurs nowhere else, and a search for it everywhere.

Two of them: one typed in and stored, one in the environment of whoever starts the core. Only the
trainer that needs the first may have it; the second, which the person gave to everything, reaches
the trainer as without us, and none of our own processes shows it.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from core_rig import until
from nanochat_host.core import calls_outside as calls
from nanochat_host.core.wire import AddCheckout, StartRun
from nanochat_host.core.wire_outside import Login
from nanochat_host.errors import NanochatCliError
from nanochat_host.paths import RunPaths
from tui_rig import TuiRig, tui_rig
from wandb_server import wandb_server

STORED, GIVEN = (f"canary-{name}-{secrets.token_hex(8)}" for name in ("stored", "given"))
"""Other ones in each process: tests that run beside this one have theirs in the open."""
BOTH = (STORED.encode(), GIVEN.encode())

TRAINER = '''"""Says which tokens it has by their digests, then waits."""
import argparse, hashlib, os, time
parser = argparse.ArgumentParser()
parser.add_argument("--run", type=str, default="dummy")
parser.add_argument("--go", type=str, default="")
args = parser.parse_args()
for name in ("WANDB_API_KEY", "MY_SECRET"):
    print(name, hashlib.sha256(os.environ.get(name, "").encode()).hexdigest())
print("waiting", flush=True)
while args.go and not os.path.exists(args.go):
    time.sleep(0.01)
raise SystemExit(3)
'''


@pytest.fixture
def rig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TuiRig]:
    for name in ("WANDB_API_KEY", "HF_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    with wandb_server() as server, tui_rig(tmp_path) as rig:
        monkeypatch.setenv("WANDB_BASE_URL", server)
        (rig.checkout / "scripts" / "base_train.py").write_text(TRAINER)
        cli(rig, "core", "start", env={"MY_SECRET": GIVEN})
        rig.client.add_checkout(AddCheckout(str(rig.checkout), "fake", python=sys.executable))
        cli(rig, "auth", "login", "wandb", "--no-check", given=STORED)
        yield rig


def cli(rig: TuiRig, *words: str, given: str = "", env: dict[str, str] | None = None) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "nanochat_host.cli", *words], input=given, capture_output=True,
        text=True, timeout=60, cwd=rig.folder,
        env={**os.environ, "NANOCHAT_CLI_HOME": str(rig.paths.home), **(env or {})},
    )  # fmt: skip
    assert done.returncode in (0, 1), (words, done.stderr)
    said = done.stdout + done.stderr
    assert STORED not in said and GIVEN not in said, words
    return said


def start(rig: TuiRig, **options: str) -> RunPaths:
    wish = StartRun("fake", "base_train", options={"go": str(rig.go), **options})
    run = rig.paths.run(rig.client.start_run(wish).facts.id)
    until(lambda: b"waiting" in run.out_log.read_bytes(), "the trainer waits")
    return run


def digest(value: str) -> str:
    return hashlib.sha256(value.encode()).hexdigest()


def shown_by_processes() -> set[int]:
    """Processes whose command line or environment holds a canary."""
    found = set()
    for entry in Path("/proc").glob("[0-9]*"):
        for name in ("cmdline", "environ"):
            try:
                raw = (entry / name).read_bytes()
            except OSError:
                continue
            if any(canary in raw for canary in BOTH):
                found.add(int(entry.name))
    return found


def command(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()


def files_with_a_canary(folder: Path) -> set[str]:
    found = set()
    for path in folder.rglob("*"):
        if path.is_file() and any(canary in path.read_bytes() for canary in BOTH):
            found.add(path.relative_to(folder).as_posix())
    return found


def test_only_the_trainer_that_needs_a_token_has_it(rig: TuiRig) -> None:
    with_it, without = start(rig, run="d4"), start(rig)
    assert digest(STORED) in with_it.out_log.read_text()
    assert digest(STORED) not in without.out_log.read_text()
    assert digest(GIVEN) in without.out_log.read_text(), "the person's own environment goes on"
    terminal = rig.open("--run", with_it.run_id)
    assert terminal.wait_for("base_train", 60)
    trainers = {rig.running(run).pid for run in (with_it, without)}
    shown = {pid: command(pid) for pid in shown_by_processes()}
    assert shown.keys() == trainers, shown
    environ = Path(f"/proc/{rig.running(without).pid}/environ").read_bytes()
    assert STORED.encode() not in environ
    terminal.drain(0.3)
    assert STORED not in "\n".join(terminal.screen.display)
    assert GIVEN not in "\n".join(terminal.screen.display)


def test_no_file_of_ours_holds_it_but_the_store(rig: TuiRig) -> None:
    run = start(rig, run="d4")
    rig.client.set_debug(True)
    for wrong in (STORED + " two", STORED * 40):
        with pytest.raises(NanochatCliError) as caught:
            rig.client.ask(calls.login(Login("wandb", wrong, check=False)))
        assert STORED not in str(caught.value)
    rig.go.touch()
    rig.ended(run)
    cli(rig, "run", "export", run.run_id, "--report", "out")
    cli(rig, "doctor", "--report", str(rig.folder / "doctor.tar.gz"))
    with tarfile.open(rig.folder / "doctor.tar.gz") as archive:
        archive.extractall(rig.folder / "archive", filter="data")
    assert any((rig.folder / "archive").rglob("*.json*"))
    rig.client.shutdown()  # what it writes last is there, and no file comes or goes meanwhile
    assert files_with_a_canary(rig.folder) == {"home/secrets.json"}


def test_no_answer_of_the_core_holds_it(rig: TuiRig) -> None:
    run = start(rig, run="d4")
    paths = ["accounts", "runs", f"runs/{run.run_id}", f"runs/{run.run_id}/events"]
    paths += [f"runs/{run.run_id}/log", f"runs/{run.run_id}/sources", "otlp", "alerts", "health"]
    for path in paths:
        code = (
            "import sys; from nanochat_host.core.client import CoreClient;"
            "from nanochat_host.core.calls import Call; from nanochat_host.paths import Paths;"
            "import msgspec; from typing import Any; from pathlib import Path;"
            "c = CoreClient(Paths(Path(sys.argv[1])));"
            "print(msgspec.json.encode(c.ask(Call('GET', sys.argv[2], Any))).decode())"
        )
        said = subprocess.run(
            [sys.executable, "-c", code, str(rig.paths.home), f"/v1/{path}"],
            capture_output=True, text=True, check=True,
        ).stdout  # fmt: skip
        assert json.loads(said) is not None
        assert STORED not in said and GIVEN not in said, path


def test_a_core_that_comes_back_still_hands_it_over(rig: TuiRig) -> None:
    rig.client.shutdown()
    rig.start()
    assert digest(STORED) in start(rig, run="again").out_log.read_text()
