"""A core in the test's own loop behind a real socket, with a fake telemetry hub."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast

import httpx
from fake_hub import FakeHub
from nanochat_host.core.async_client import AsyncCoreClient
from nanochat_host.core.http_server import serve_until_told
from nanochat_host.core.launcher import Launcher
from nanochat_host.core.server import bind
from nanochat_host.core.service import Core
from nanochat_host.core.start import prepare_core_dir
from nanochat_host.core.wire import AddCheckout, RunSummary, StartRun, StopRun
from nanochat_host.paths import Paths

_KILL = StopRun(mode="kill")
TRAIN = """import argparse, os, time
parser = argparse.ArgumentParser(description="pretend to train")
parser.add_argument("--depth", type=int, default=4, help="layers")
parser.add_argument("--lr", type=float, default=0.1)
parser.add_argument("--go", type=str, default="")
parser.add_argument("--device-type", type=str, default="", choices=["", "cpu"])
parser.add_argument("--dry", action="store_true")
args = parser.parse_args()
print("depth", args.depth, flush=True)
while args.go and not os.path.exists(args.go):
    time.sleep(0.01)
"""
RECIPE = """#!/bin/bash
python -m scripts.tok_train --vocab-size=300
python -m scripts.base_train --depth=2 --dry
"""
TOK = """import argparse
parser = argparse.ArgumentParser()
parser.add_argument("--vocab-size", type=int, default=512)
args = parser.parse_args()
"""


class Door:
    """The core, its hub, the typed client and a raw HTTP client."""

    def __init__(self, folder: Path, core: Core, hub: FakeHub) -> None:
        self.folder, self.core, self.hub = folder, core, hub
        self.paths = core.paths
        self.client = AsyncCoreClient(core.paths)
        transport = httpx.AsyncHTTPTransport(uds=str(core.paths.core_socket))
        self.http = httpx.AsyncClient(transport=transport, base_url="http://core")

    async def error(self, method: str, path: str, status: int, **kwargs: Any) -> dict[str, str]:
        """The body of a refusal; asserts that it is one, and complete."""
        answer = await self.http.request(method, path, **kwargs)
        assert answer.status_code == status, (answer.status_code, answer.text)
        body: dict[str, str] = answer.json()
        assert set(body) == {"code", "message", "hint"}
        assert body["message"] and "\n" not in body["message"]
        return body

    async def start(self, target: str = "base_train", **options: Any) -> RunSummary:
        return await self.client.start_run(StartRun("fake", target, options=options))

    async def ended(self, run_id: str) -> RunSummary:
        await asyncio.wait_for(self.core.runs.get(run_id).over.wait(), 60)
        return (await self.client.run(run_id)).summary


@contextlib.asynccontextmanager
async def open_door() -> AsyncIterator[Door]:
    """A core that serves; its runs are killed at the end."""
    folder = Path(tempfile.mkdtemp(prefix="api-"))
    checkout = folder / "checkout"
    for name in ("scripts", "runs", "nanochat"):
        (checkout / name).mkdir(parents=True)
    (checkout / "scripts" / "base_train.py").write_text(TRAIN)
    (checkout / "scripts" / "tok_train.py").write_text(TOK)
    (checkout / "scripts" / "broken.py").write_text("def (:\n")
    (checkout / "runs" / "demo.sh").write_text(RECIPE)
    paths = Paths(folder / "home")
    prepare_core_dir(paths)
    hub = FakeHub()
    core = Core(paths, cast(Any, hub), Launcher())
    await core.start()
    serving = asyncio.create_task(serve_until_told(core, bind(paths)))
    door = Door(folder, core, hub)
    python, base = sys.executable, str(folder / "base")
    await door.client.add_checkout(AddCheckout(str(checkout), "fake", python, base))
    try:
        yield door
    finally:
        for run in core.runs.newest_first():
            if not run.ended:
                with contextlib.suppress(Exception):
                    await door.client.stop_run(run.id, _KILL)
                    await asyncio.wait_for(run.over.wait(), 60)
        await door.http.aclose()
        await door.client.close()
        core.shut_down()
        await serving
        await core.close()
        shutil.rmtree(folder)
