"""The Python a checkout runs with: looked at, chosen, made, completed."""

from __future__ import annotations

import json
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from core_rig import kill, make_checkout, until
from nanochat_host.checkout.imports import needed_packages
from nanochat_host.cli import main
from nanochat_host.core import calls_setup as calls
from nanochat_host.core.setup.recipe import Needs, environment_steps
from nanochat_host.core.shim import procs
from nanochat_host.core.wire import AddCheckout, CheckoutRef, StartRun
from nanochat_host.core.wire_setup import MakeEnv
from nanochat_host.errors import RefusedError, UsageError
from setup_rig import BARE_PYTHON, SetupRig

pytestmark = pytest.mark.timeout(300)
PROJECT = """[project]
name = "nanochat"
version = "0"
dependencies = ["tiktoken>=0.11.0", "torch==2.9.1"]

[project.optional-dependencies]
cpu = ["torch==2.9.1"]
gpu = ["torch==2.9.1"]
"""


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SetupRig]:
    with SetupRig(tmp_path_factory.mktemp("setup")).started() as rig:
        yield rig


def test_an_interpreter_says_what_it_can_do_and_what_it_lacks(rig: SetupRig) -> None:
    script = rig.checkout / "scripts" / "tok_train.py"
    script.write_text("import no_such_package\n" + script.read_text())
    info = rig.client.ask(calls.env("fake"))
    assert info.interpreter == BARE_PYTHON
    assert info.python == ".".join(map(str, sys.version_info[:3]))
    assert info.missing == ["no_such_package"]
    assert info.trouble and "checkout env fake --make" in info.way_out
    (line,) = [i for i in rig.client.ask(calls.status("fake")).items if i.id == "environment"]
    assert line.state == "missing"


def test_only_what_is_imported_at_once_is_needed(tmp_path: Path) -> None:
    folder = make_checkout(tmp_path / "it")
    (folder / "rustbpe").mkdir()
    (folder / "rustbpe" / "Cargo.toml").touch()
    (folder / "nanochat" / "x.py").write_text(
        "import os, torch.nn\nfrom tiktoken import Encoding\nimport rustbpe\n"
        "from nanochat.y import z\ntry:\n    import flash\nexcept ImportError:\n    flash = None\n"
        "def f():\n    import datasets\n"
    )
    (folder / "nanochat" / "broken.py").write_text("import (")
    assert needed_packages(folder) == ["rustbpe", "tiktoken", "torch"]


def test_an_interpreter_is_chosen_and_given_back(rig: SetupRig, tmp_path: Path) -> None:
    python = tmp_path / "env" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nexec "{BARE_PYTHON}" "$@"\n')
    python.chmod(0o755)
    assert rig.client.ask(calls.use_env("fake", str(tmp_path / "env"))).interpreter == str(python)
    assert rig.client.checkout("fake").ref.python == str(python)
    python.write_text("#!/bin/sh\necho boom >&2; exit 3\n")
    info = rig.client.ask(calls.env("fake", anew=True))
    assert info.trouble == "boom" and not info.torch
    assert rig.client.ask(calls.use_env("fake", "ours")).interpreter == sys.executable
    with pytest.raises(UsageError, match="there is no Python"):
        rig.client.ask(calls.use_env("fake", str(tmp_path)))
    with pytest.raises(RefusedError, match="own Python"):
        rig.client.ask(calls.use_env("tiny", "ours"))


def test_uv_with_a_lock_else_venv_and_pip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = make_checkout(tmp_path / "it")
    (folder / "pyproject.toml").write_text(PROJECT)
    ref = CheckoutRef("it", str(folder), python=sys.executable)
    tools = tmp_path / "tools"
    tools.mkdir()
    monkeypatch.setenv("PATH", str(tools))
    made = tmp_path / "made"
    steps = environment_steps(ref, made, Needs(torch="2.13.0"))
    assert [step.title for step in steps] == ["make venv", "install packages"]
    assert steps[1].command[-2:] == ["tiktoken>=0.11.0", "torch==2.13.0"]
    (tools / "uv").write_text("#!/bin/sh\n")
    (tools / "uv").chmod(0o755)
    assert len(environment_steps(ref, made, Needs())) == 2, "there is no lock to follow"
    (folder / "uv.lock").touch()
    (step,) = environment_steps(ref, made, Needs(gpu=True))
    assert step.command[1:] == ["sync", "--frozen", "--extra", "gpu"]
    assert step.env == {"UV_PROJECT_ENVIRONMENT": str(folder / ".venv")}
    assert len(environment_steps(ref, made, Needs(uv=False))) == 2
    assert len(environment_steps(ref, made, Needs(torch="2.13.0"))) == 2, "a lock pins torch"


def test_uv_adds_what_the_lock_does_not_name_and_keeps_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_checkout(tmp_path / "it")
    (folder / "uv.lock").write_text('[[package]]\nname = "tiktoken"\n')
    python = folder / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.symlink_to(sys.executable)
    (tmp_path / "uv").write_text("#!/bin/sh\n")
    (tmp_path / "uv").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    ref = CheckoutRef("it", str(folder), python=str(python))
    (beside,) = environment_steps(ref, tmp_path, Needs(missing=["torch"]))
    assert beside.command[1:] == ["pip", "install", "--python", str(python), "torch"]
    sync, beside = environment_steps(ref, tmp_path, Needs(missing=["tiktoken", "torch"]))
    assert sync.command[1:] == ["sync", "--frozen", "--inexact"]
    assert beside.command[-1] == "torch"


def test_a_half_made_environment_is_removed_and_never_used(
    rig: SetupRig, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NANOCHAT_CLI_HOME", str(rig.paths.home))
    folder = make_checkout(rig.folder / "halfway")
    needs = '["nanochat-cli-has-no-such-package @ file:///nowhere.whl"]'
    project = f'[project]\nname = "x"\nversion = "0"\ndependencies = {needs}\n'
    (folder / "pyproject.toml").write_text(project)
    rig.client.add_checkout(AddCheckout(str(folder), "halfway", base_dir=str(rig.base)))
    before = rig.client.ask(calls.env("halfway", anew=True)).interpreter
    assert main(["checkout", "env", "halfway", "--make", "--follow"]) == 1
    said = capfd.readouterr()
    assert "failed     install packages" in said.out and "--torch VERSION" in said.err
    assert not (folder / ".venv").exists()
    assert rig.client.ask(calls.env("halfway", anew=True)).interpreter == before


def test_what_is_there_is_completed_and_rustbpe_is_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_checkout(tmp_path / "it")
    (folder / "pyproject.toml").write_text(PROJECT)
    (folder / "rustbpe").mkdir()
    (folder / "rustbpe" / "Cargo.toml").touch()
    python = folder / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.symlink_to(sys.executable)
    ref = CheckoutRef("it", str(folder), python=str(python))
    assert environment_steps(ref, tmp_path, Needs(missing=[])) == []
    install, build = environment_steps(
        ref, tmp_path, Needs(missing=["yaml", "tiktoken", "rustbpe"])
    )
    assert install.command[-2:] == ["pyyaml", "tiktoken>=0.11.0"]
    assert build.title == "build rustbpe"
    assert str(folder / "rustbpe") in build.command
    (step,) = environment_steps(ref, tmp_path, Needs(missing=["rustbpe"]))
    assert step.title == "build rustbpe"


def test_an_environment_is_made_and_then_used(
    rig: SetupRig, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NANOCHAT_CLI_HOME", str(rig.paths.home))
    folder = make_checkout(rig.folder / "bare")
    rig.client.add_checkout(AddCheckout(str(folder), "bare", base_dir=str(rig.base)))
    assert main(["checkout", "env", "bare", "--make", "--plan"]) == 0
    assert "-m venv" in capsys.readouterr().out
    assert main(["checkout", "env", "bare", "--torch", "2"]) == 2
    summary = rig.client.ask(calls.make_env("bare", MakeEnv()))
    run = rig.paths.run(summary.facts.id)
    with pytest.raises(RefusedError, match="being made already"):
        rig.client.ask(calls.make_env("bare", MakeEnv()))
    until(lambda: rig.summary(run).facts.state == "done", "it is made", 200)
    capsys.readouterr()
    assert main(["checkout", "env", "bare", "--json"]) == 1, "it has no torch"
    info = json.loads(capsys.readouterr().out)
    assert info["interpreter"] == str(folder / ".venv" / "bin" / "python")
    assert (info["trouble"], info["missing"]) == ("torch is not installed", [])
    with pytest.raises(RefusedError, match="lacks nothing"):
        rig.client.ask(calls.make_env("bare", MakeEnv()))


def test_torch_missing_is_one_line_before_anything_starts(rig: SetupRig) -> None:
    folder = rig.folder / "bare"
    script = folder / "scripts" / "base_train.py"
    script.write_text("import torch\n" + script.read_text())
    before = len(rig.client.runs())
    with pytest.raises(RefusedError, match=r"torch is not installed in .*bare/\.venv"):
        rig.client.start_run(StartRun("bare", "base_train"))
    assert len(rig.client.runs()) == before


def test_a_core_that_goes_takes_its_questions_with_it(rig: SetupRig, tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.write_text(f"#!/bin/sh\necho $$ > {tmp_path}/pid\nexec sleep 1000\n")
    python.chmod(0o755)
    folder = make_checkout(tmp_path / "slow")
    rig.client.add_checkout(AddCheckout(str(folder), "slow", python=str(python)))
    assert not rig.client.ask(calls.status("slow")).env.checked
    pid = until(
        lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text(), "a question"
    )
    core = rig.client.health().pid
    rig.client.shutdown()
    until(lambda: not procs.is_alive(core, 0), "the core goes")
    until(lambda: not procs.is_alive(int(pid), 0), "the question goes")
    rig.start()
    rig.client.remove_checkout("slow")
    kill(rig.client.health().pid)
    rig.start()


def test_a_port_in_use_is_said_before_the_server_starts(rig: SetupRig) -> None:
    web = rig.checkout / "scripts" / "chat_web.py"
    web.write_text(
        "import argparse\nparser = argparse.ArgumentParser()\n"
        'parser.add_argument("--port", type=int, default=8000)\n'
        'parser.add_argument("--host", type=str, default="127.0.0.1")\nparser.parse_args()\n'
    )
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        wish = StartRun("fake", "chat_web", options={"port": port}, force=True)
        with pytest.raises(RefusedError, match=f"port {port} is in use"):
            rig.client.start_run(wish)
    run = rig.paths.run(rig.client.start_run(wish).facts.id)
    assert rig.ended(run).facts.state == "done"


def test_a_checkout_none_of_whose_scripts_can_be_read_is_refused(
    rig: SetupRig, tmp_path: Path
) -> None:
    folder = make_checkout(tmp_path / "torn")
    for script in (folder / "scripts").glob("*_train.py"):
        script.write_text("def (\n")
    with pytest.raises(UsageError, match=r"no script of .* line 1"):
        rig.client.add_checkout(AddCheckout(str(folder), "torn"))
    (folder / "scripts" / "tok_train.py").write_text("pass\n")
    ref = rig.client.add_checkout(AddCheckout(str(folder), "torn"))
    assert ref.error == "cannot be read: base_train"
