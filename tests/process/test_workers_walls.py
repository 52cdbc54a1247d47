"""What a worker is born with, looked at from inside and from outside, and what it says about it."""

from __future__ import annotations

import ast
import os
import resource
from pathlib import Path

import pytest
from nanochat_host.packs.sandbox import limits
from nanochat_host.packs.sandbox.level import level_of
from nanochat_host.packs.sandbox.steps import STEPS
from nanochat_host.packs.sandbox.witness import LINES
from nanochat_host.packs.session import version_trouble
from nanochat_host.packs.walls import describe_walls
from nanochat_sdk import protocol
from workers_stage import on_stage, text


async def test_a_worker_inherits_nothing_of_the_host(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("WANDB_API_KEY", "not-to-be-seen")
    async with on_stage() as stage:
        panel = await stage.live("introspect")
        await stage.frame(panel, width=200)
        facts = dict(line.split("=", 1) for line in text(panel).split("\n"))
        inside = {name: ast.literal_eval(value) for name, value in facts.items()}
        pid = panel.pid
        assert pid is not None
        assert os.getsid(pid) == pid
        assert os.getpriority(os.PRIO_PROCESS, pid) == os.nice(0) + limits.NICENESS
        environ = Path(f"/proc/{pid}/environ").read_bytes()
        zygote_environ = Path(f"/proc/{stage.supervisor.zygote_pid}/environ").read_bytes()
        fds = {int(fd.name) for fd in Path(f"/proc/{pid}/fd").iterdir()}
    assert inside["environ"] == limits.ENVIRONMENT
    assert environ == zygote_environ == b""
    assert fds == {0, 1, 2, 3, 4}
    assert inside["argv"] == ["-c"]
    assert inside["cwd"] == "/"
    assert inside["umask"] == 0o077


async def test_a_worker_carries_no_heavy_module_and_no_host_code() -> None:
    async with on_stage() as stage:
        panel = await stage.live("introspect")
        await stage.frame(panel)
        facts = dict(line.split("=", 1) for line in text(panel).split("\n"))
    loaded = set(ast.literal_eval(facts["modules"]))
    assert {"msgspec", "nanochat_sdk"} <= loaded
    assert not loaded & {"nanochat_host", "textual", "asyncio", "pydantic", "subprocess", "site"}
    path = ast.literal_eval(facts["path"])
    assert not any("site-packages" in folder or "host" in folder for folder in path)


async def test_limits_are_hard() -> None:
    async with on_stage() as stage:
        panel = await stage.live("echo")
        assert panel.pid is not None
        for name, wanted in limits.LIMITS.items():
            soft, hard = resource.prlimit(panel.pid, getattr(resource, name))
            assert soft == hard, name
            assert hard == wanted or 0 <= hard < wanted, name
        status = Path(f"/proc/{panel.pid}/status").read_text()
        assert "NoNewPrivs:\t1" in status
        assert Path(f"/proc/{panel.pid}/oom_score_adj").read_text().strip() == "1000"


async def test_the_hello_says_what_was_built_and_what_was_found() -> None:
    async with on_stage() as stage:
        panel = await stage.live("echo")
        assert list(panel.walls) == [wall.name for wall in (*STEPS, *LINES)]
        assert "OPEN" not in panel.walls.values()
        assert panel.level is level_of(panel.walls)
        assert panel.badge == f"fixture · {level_of(panel.walls).badge}"


def test_the_walls_are_measured_on_a_worker_of_this_machine() -> None:
    walls = describe_walls()
    assert list(walls) == [wall.name for wall in (*STEPS, *LINES)]
    assert walls["limits"][0] == "closed"


def test_versions_that_do_not_match_say_who_must_act() -> None:
    same = protocol.Hello(protocol.WIRE, protocol.API, "0.1", 1)
    assert version_trouble(same) == ""
    other_wire = protocol.Hello(protocol.WIRE + 1, protocol.API, "0.1", 1)
    assert "reinstall it" in version_trouble(other_wire)
    other_api = protocol.Hello(protocol.WIRE, 99, "9.9", 1)
    assert "nanochat_sdk 9.9 has API 99" in version_trouble(other_api)
