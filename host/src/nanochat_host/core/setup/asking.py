"""Ask an interpreter what it can do, in a process that is gone with the asker."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

from nanochat_host.checkout.imports import needed_packages
from nanochat_host.core.children import let_go, started
from nanochat_host.core.inside import inside_command, inside_env, last_words, require_checkout
from nanochat_host.core.wire import CheckoutRef
from nanochat_host.errors import NanochatCliError

PROBE_S = 120.0
"""Importing torch from a cold disk takes its time."""


async def ask_python(ref: CheckoutRef) -> dict[str, Any]:
    """What `checkout/setup/probe.py` answers, or {"broken": why}."""
    try:
        require_checkout(ref)
        packages = await asyncio.to_thread(needed_packages, Path(ref.path))
        process = await started(
            asyncio.create_subprocess_exec(
                *inside_command(ref, "setup.probe"),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                cwd=ref.path,
                env=inside_env(ref),
            )
        )
    except (NanochatCliError, OSError) as error:
        return {"broken": str(error)}
    try:
        question = json.dumps({"packages": packages}).encode()
        async with asyncio.timeout(PROBE_S):
            out, err = await process.communicate(question)
    except TimeoutError:
        return {"broken": f"{ref.python} did not answer within {PROBE_S:.0f} s"}
    finally:
        await let_go(process)
    try:
        answer = json.loads(out.splitlines()[-1])
    except (ValueError, IndexError):
        said = last_words(err.decode("utf-8", "replace"))
        return {"broken": said or f"{ref.python} ended without a word"}
    return answer if isinstance(answer, dict) else {"broken": "its answer makes no sense"}
