"""A real core to be fuzzed: a home of its own, secrets to look for, no way to the network."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from nanochat_host.core import calls_outside as calls
from nanochat_host.core.wire import AddCheckout, CoreInfo
from nanochat_host.core.wire_outside import Login

sys.path.insert(0, str(Path(__file__).parents[1] / "process"))
from core_rig import CoreRig, until

sys.path.pop(0)

__all__ = ["SPARE", "FuzzedCore", "fuzzed_core", "is_stream", "until"]
STORED, FILED, GIVEN = (f"canary-{name}-{secrets.token_hex(8)}" for name in ("kept", "file", "env"))
CANARIES = (STORED.encode(), FILED.encode(), GIVEN.encode())
"""A token in the core's store, one in the person's files, one in the core's environment."""
SPARE = "spare"
"""A checkout that may be taken away, as `spare_run` may."""
NOWHERE = "http://127.0.0.1:9"
"""A proxy that is not there: whoever asks a service by a person's token ends here."""
ONE_EACH = httpx.Limits(max_keepalive_connections=0)
"""A connection for each request: what one of them breaks is not blamed on the next."""
_OURS = ("WANDB", "HF_", "NANOCHAT", "OTEL_")


class FuzzedCore:
    """The core, two runs that have ended, and a client that looks into every answer."""

    def __init__(self, rig: CoreRig) -> None:
        self.rig = rig
        self.info = rig.start()
        rig.add_checkout()
        python = rig.folder / "python"
        python.write_text("#!/bin/sh\nexit 3\n")
        python.chmod(0o755)
        quick = AddCheckout(str(rig.checkout), "quick", str(python), str(rig.folder / "base"))
        rig.client.add_checkout(quick)  # says at once that it cannot train
        rig.client.add_checkout(AddCheckout(str(rig.checkout), SPARE, str(python)))
        rig.client.ask(calls.login(Login("wandb", STORED, check=False)))
        self.run_id, self.spare_run = (rig.ended(rig.start_run()).facts.id for _ in range(2))
        transport = httpx.HTTPTransport(uds=str(rig.paths.core_socket), limits=ONE_EACH)
        self._http = httpx.Client(transport=transport, base_url="http://core", timeout=30)
        self.document: dict[str, Any] = self._http.get("/openapi.json").json()

    def send(self, method: str, target: str, content: bytes = b"") -> httpx.Response:
        """The answer, of a stream what comes first. Fails when it shows a secret."""
        request = self._http.build_request(method, target, content=content)
        answer = self._http.send(request, stream=True)
        try:
            if is_stream(answer):
                answer._content = next(answer.iter_raw(), b"")
            else:
                answer.read()
        finally:
            answer.close()
        shown = answer.content + str(answer.headers).encode()
        assert not any(canary in shown for canary in CANARIES), (method, target, content[:300])
        return answer

    def lives(self) -> CoreInfo:
        """It is the same process, no larger than it was but for what it keeps, and nothing in its
        log is an error."""
        info = self.rig.client.health()
        assert info.pid == self.info.pid
        assert info.rss_bytes < self.info.rss_bytes + 100 * 2**20, "its memory grows"
        log = (self.rig.paths.logs / "core.jsonl").read_bytes()
        assert not any(canary in log for canary in CANARIES)
        records = [json.loads(line) for line in log.split(b"\n")[:-1]]  # the last may be torn
        assert [r for r in records if r["level"] in ("error", "critical")] == []
        return info

    def close(self) -> None:
        self._http.close()
        self.rig.close()


@contextlib.contextmanager
def fuzzed_core(folder: Path) -> Iterator[FuzzedCore]:
    """One below `folder`; whatever it started is gone at the end."""
    person = folder / "person"
    person.mkdir()
    (person / ".netrc").write_text(f"machine huggingface.co login me password {FILED}\n")
    with pytest.MonkeyPatch.context() as patch:
        for name in os.environ:
            if name.startswith(_OURS) or name.lower().endswith("_proxy"):
                patch.delenv(name)
        for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
            patch.setenv(name, NOWHERE)
        patch.setenv("HOME", str(person))
        patch.setenv("MY_SECRET", GIVEN)
        core = FuzzedCore(CoreRig(folder))
        try:
            yield core
        finally:
            core.close()


def is_stream(answer: httpx.Response) -> bool:
    """Are these server-sent events?"""
    return answer.headers.get("content-type", "").startswith("text/event-stream")
