"""What holds a worker on this machine: measured on a real one, not assumed. For `doctor`."""

from __future__ import annotations

import asyncio

from nanochat_sdk.codec import decode_from_worker
from nanochat_sdk.protocol import Hello

from nanochat_host.packs.failure import Failure
from nanochat_host.packs.sandbox.steps import STEPS
from nanochat_host.packs.sandbox.witness import LINES
from nanochat_host.packs.session import Deadlines
from nanochat_host.packs.supervisor import Supervisor

_PATIENCE_S = 30.0


def describe_walls() -> dict[str, tuple[str, str]]:
    """By wall: "closed", "OPEN" or "absent", and what a closed one means for a panel.

    Raises OSError when no worker can be started. Not from within a running event loop.
    """
    found = asyncio.run(_hello()).walls
    return {wall.name: (found.get(wall.name, "absent"), wall.holds) for wall in (*STEPS, *LINES)}


async def _hello() -> Hello:
    said: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    def on_failure(failure: Failure) -> None:
        if not said.done():
            said.set_exception(OSError(failure.reason))

    supervisor = Supervisor(lambda _panel: None, Deadlines(start_s=_PATIENCE_S))
    try:
        await supervisor.start()
        worker = supervisor.spawn(said.set_result, on_failure)
        try:
            message = decode_from_worker(await asyncio.wait_for(said, _PATIENCE_S))
        finally:
            worker.end()
    finally:
        await supervisor.close()
    assert isinstance(message, Hello)
    return message
