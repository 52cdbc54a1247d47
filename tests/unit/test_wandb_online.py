"""Polling W&B: a server on loopback answers, fails and refuses as the real one does."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from nanochat_host.core.secrets.check import UnreachableError, check_token
from nanochat_host.core.secrets.kinds import KINDS, Hidden
from nanochat_host.core.telemetry.wandb_online import (
    EVERY_S,
    LONGEST_WAIT_S,
    RefusedByWandbError,
    RunAtWandb,
    WandbOnline,
)
from nanochat_host.errors import RefusedError

TARGET = RunAtWandb("me", "nanochat", "ab12")
KEY = "canary-key-0123456789"


class FakeWandb:
    """answers: (status, headers, body) in order, the last again and again."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, dict[str, str], Any]] = []
        self.asked: list[tuple[dict[str, str], dict[str, Any]]] = []
        fake = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                fake.asked.append((dict(self.headers), json.loads(body)))
                answers = fake.answers
                status, headers, answer = answers.pop(0) if len(answers) > 1 else answers[0]
                raw = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
                self.send_response(status)
                for name, value in {**headers, "Content-Length": str(len(raw))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(raw)

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()


@pytest.fixture
def wandb() -> Iterator[FakeWandb]:
    fake = FakeWandb()
    yield fake
    fake.server.shutdown()
    fake.server.server_close()


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def client(wandb: FakeWandb, clock: Clock, jitter: float = 1.0) -> WandbOnline:
    return WandbOnline(TARGET, wandb.url, {}, clock=clock, jitter=lambda: jitter)


def run_answer(steps: list[int], **more: Any) -> tuple[int, dict[str, str], Any]:
    rows = [json.dumps({"_step": s, "step": s, "train/loss": 1.0}) for s in steps]
    run = {"state": "running", "heartbeatAt": "2026-11-22T05:00:00", "history": rows}
    return 200, {}, {"data": {"project": {"run": {"historyLineCount": 9999, **run, **more}}}}


def test_rows_come_once_and_the_next_question_asks_for_what_follows(wandb: FakeWandb) -> None:
    wandb.answers = [run_answer([0, 10, 20])]
    online = client(wandb, Clock())
    answer = online.poll()
    assert answer is not None and [row["_step"] for row in answer.rows] == [0, 10, 20]
    assert answer.heartbeat_at == 1795323600.0 and answer.state == "running"
    online.poll()
    asked = [body["variables"] for _, body in wandb.asked]
    assert [a["first"] for a in asked] == [0, 21]
    assert asked[0]["entity"] == "me" and asked[0]["run"] == "ab12"


def test_it_is_never_asked_more_often_than_allowed(wandb: FakeWandb) -> None:
    wandb.answers = [run_answer([0])]
    clock = Clock()
    online = client(wandb, clock)
    online.poll()
    assert not online.due
    clock.now += EVERY_S
    assert online.due


def test_failures_wait_longer_each_time_up_to_a_bound(wandb: FakeWandb) -> None:
    wandb.answers = [(502, {}, b"bad gateway")]
    clock = Clock()
    online = client(wandb, clock)
    waits = []
    for _ in range(9):
        assert online.poll() is None
        waits.append(online.next_at - clock.now)
    assert waits == sorted(waits) and waits[0] < waits[3] and waits[-1] == LONGEST_WAIT_S
    assert "502" in online.trouble
    wandb.answers = [run_answer([0])]
    assert online.poll() is not None and online.trouble == "" and online.failures == 0


def test_jitter_spreads_and_retry_after_is_kept(wandb: FakeWandb) -> None:
    wandb.answers = [(503, {}, b"")]
    clock = Clock()
    waits = set()
    for jitter in (0.6, 0.8, 1.0):
        online = client(wandb, clock, jitter)
        online.poll()
        waits.add(online.next_at - clock.now)
    assert len(waits) == 3
    wandb.answers = [(429, {"Retry-After": "120"}, b"")]
    online = client(wandb, clock, 0.0)
    online.poll()
    assert online.next_at - clock.now == 120.0


@pytest.mark.parametrize("body", [b"not json", b'{"data": null}', b"[]"])
def test_nonsense_is_trouble_or_refusal_never_a_crash(wandb: FakeWandb, body: bytes) -> None:
    wandb.answers = [(200, {}, body)]
    online = client(wandb, Clock())
    try:
        assert online.poll() is None
    except RefusedByWandbError as error:
        assert "knows no run me/nanochat/ab12" in str(error)


def test_a_refused_token_is_not_tried_again(wandb: FakeWandb) -> None:
    wandb.answers = [(401, {}, b"")]
    with pytest.raises(RefusedByWandbError, match="refuses the token"):
        client(wandb, Clock()).poll()


def test_out_of_reach() -> None:
    clock = Clock()
    online = WandbOnline(TARGET, "http://127.0.0.1:1", {}, clock=clock)
    assert online.poll() is None and "out of reach" in online.trouble


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("me/nanochat/ab12", TARGET),
        ("https://wandb.ai/me/nanochat/runs/ab12?nw=x", TARGET),
        ("https://wandb.ai/me/nanochat", None),
        ("ab12", None),
        ("", None),
    ],
)
def test_how_a_run_is_named(text: str, found: RunAtWandb | None) -> None:
    assert RunAtWandb.parse(text) == found


def test_its_page() -> None:
    assert TARGET.page("https://api.wandb.ai") == "https://wandb.ai/me/nanochat/runs/ab12"


def test_a_login_is_checked_without_echo(wandb: FakeWandb, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_BASE_URL", wandb.url)
    wandb.answers = [(200, {}, {"data": {"viewer": {"username": "ada", "entity": "ada"}}})]
    assert check_token(KINDS["wandb"], Hidden(KEY)) == "ada"
    assert wandb.asked[0][0]["Authorization"].startswith("Basic ")
    for status, body in ((401, b""), (200, {"data": {"viewer": None}})):
        wandb.answers = [(status, {}, body)]
        with pytest.raises(RefusedError) as caught:
            check_token(KINDS["wandb"], Hidden(KEY))
        assert KEY not in str(caught.value)


def test_a_redirect_does_not_take_the_token_along(
    wandb: FakeWandb, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_BASE_URL", wandb.url)
    wandb.answers = [(302, {"Location": f"{wandb.url}/elsewhere"}, b"")]
    with pytest.raises(UnreachableError):
        check_token(KINDS["wandb"], Hidden(KEY))
    assert len(wandb.asked) == 1
