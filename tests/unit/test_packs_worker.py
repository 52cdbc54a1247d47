"""The host's end of a worker: of what it said and how it ended, both are heard."""

from __future__ import annotations

import os

import pytest
from nanochat_host.packs.failure import Failure
from nanochat_host.packs.worker import Worker
from nanochat_sdk.codec import frame_message
from nanochat_sdk.protocol import MAX_FRAME, Failed

TOLD = Failed(message="ModuleNotFoundError", traceback="x" * 40_000)


@pytest.mark.parametrize("listens", [True, False])
async def test_the_last_word_is_heard_though_the_exit_is_told_first(listens: bool) -> None:
    """listens: the host lets go of the worker when it hears the word, as a session does."""
    heard: list[str] = []

    def on_message(raw: bytes) -> None:
        heard.append("message")
        assert len(raw) > 40_000
        if listens:
            worker.end()

    def on_failure(failure: Failure) -> None:
        heard.append(failure.reason)

    (their_in, to_worker), (from_worker, their_out), (log, their_log) = (
        os.pipe(), os.pipe(), os.pipe(),
    )  # fmt: skip

    worker = Worker((from_worker, to_worker, log), on_message, on_failure)
    os.write(their_out, frame_message(TOLD, MAX_FRAME))
    for fd in (their_in, their_out, their_log):
        os.close(fd)
    worker.on_exited(0)
    assert heard == (["message"] if listens else ["message", "exited with code 0"])
    worker.end()
