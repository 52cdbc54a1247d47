"""Which events are worth a toast."""

from __future__ import annotations

import time
from typing import Any

import pytest
from app_rig import FakeCore, Host, following, make_run, toasts, until
from nanochat_host.core import wire
from nanochat_host.ui import news
from nanochat_host.ui.toasts import Toast, end_toast, event_toast
from nanochat_sdk.data import Event


def event(kind: str, step: int | None = 1200, **fields: Any) -> Event:
    return Event(ts=0.0, kind=kind, step=step, fields=fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("happened", "text", "severity"),
    [
        (
            event("checkpoint", ok=True),
            "checkpoint saved at step 1,200", "information",
        ),
        (
            event("state", what="verified", ok=True, bytes=3 * 2**20, ranks=2),
            "checkpoint saved at step 1,200, 3 MiB\n"
            "looked at: model, metadata, 2 optimizer files are whole", "information",
        ),
        (
            event("checkpoint", dir="/ckpt", ok=False),
            "checkpoint at step 1,200 is not complete: /ckpt", "error",
        ),
        (
            event("alert", severity="error", message="loss is NaN", hint="lower the rate"),
            "loss is NaN\nlower the rate", "error",
        ),
        (
            event("state", what="refused", cmd="eval", error="no evaluation in this script"),
            "eval was refused\nno evaluation in this script", "warning",
        ),
        (event("state", what="paused"), "paused at step 1,200", "information"),
        (
            event("state", what="applied", cmd="set", name="lr", value=0.1),
            "lr is now 0.1 at step 1,200", "information",
        ),
        (
            event("state", None, what="lost", reason="the shim died"),
            "the run was lost\nthe shim died", "error",
        ),
    ],
)  # fmt: skip
def test_words(happened: Event, text: str, severity: str) -> None:
    toast = event_toast(happened)
    assert toast is not None
    assert (toast.text, toast.severity) == (text, severity)


@pytest.mark.parametrize(
    "quiet",
    [
        event("alert", active=False, message="over"),
        event("state", what="applied", cmd="save"),
        event("state", what="stage", title="base_train"),
        event("sample", text="hello"),
        event("checkpoint", files={"model.pt": 3}, ok=True),  # told when it was looked at
        event("state", what="verified", ok=False, problems=["x"]),  # an alert says it
    ],
)
def test_what_needs_no_toast(quiet: Event) -> None:
    assert event_toast(quiet) is None


def test_text_of_the_trainer_loses_its_escapes() -> None:
    toast = event_toast(event("alert", message="\x1b]52;c;evil\x07 nan"))
    assert toast is not None
    assert "\x1b" not in toast.text
    assert "\x07" not in toast.text


@pytest.mark.parametrize("alert_first", [True, False])
async def test_a_killed_trainer_is_one_toast(
    host: Host, core: FakeCore, alert_first: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    news_of: list[str] = []
    told = news.NewsDesk._failed

    def count(desk: news.NewsDesk, run_id: str, toast: Toast) -> None:
        news_of.append(run_id)
        told(desk, run_id, toast)

    monkeypatch.setattr(news.NewsDesk, "_failed", count)
    monkeypatch.setattr(news, "ALERT_WAIT_S", 1.0)
    core.run_list = [make_run("one", name="micro")]
    app = host.app(run="one")
    fields = {"rule": "failed", "severity": "error", "message": "killed by signal 9"}
    killed = Event(time.time() + 60, "alert", fields={**fields, "hint": "see dmesg"})
    ended = make_run("one", name="micro", state="failed", exit_code=-9).facts
    alert = wire.StreamMessage(rev=1, machine_rev=1, events=[killed])
    end = wire.StreamMessage(rev=2, machine_rev=1, facts=ended)
    both = wire.StreamMessage(rev=3, machine_rev=1, facts=ended, events=[killed])
    async with app.run_test() as pilot:
        await until(pilot, lambda: app.model.live and following(core, "one"), "a live run")
        for message in (alert, end) if alert_first else (both,):
            core.say(message)
        await until(pilot, lambda: len(news_of) == 2, "news from both sides")
        (text,) = toasts(app)
    assert text == "micro failed: killed by signal 9\nsee dmesg\no shows its output"


async def test_a_failure_without_an_alert_is_told(
    host: Host, core: FakeCore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(news, "ALERT_WAIT_S", 0.01)
    core.run_list = [make_run("one", name="micro")]
    app = host.app(run="one")
    async with app.run_test() as pilot:
        await until(pilot, lambda: app.model.live and following(core, "one"), "a live run")
        ended = make_run("one", name="micro", state="failed", exit_code=3).facts
        core.say(wire.StreamMessage(rev=2, machine_rev=1, facts=ended))
        await until(pilot, lambda: toasts(app), "a toast")
        assert toasts(app) == ["micro failed\nexit code 3\no shows its output"]


def test_the_end_of_a_run() -> None:
    live = make_run("a", started_at=100.0).facts
    done = make_run("a", state="done", started_at=100.0, ended_at=225.0).facts
    assert end_toast(live, done) == Toast("first is done after 2m 5s")
    assert end_toast(done, done) is None
    assert end_toast(None, done) is None
    failed = make_run("a", state="failed", exit_code=137).facts
    toast = end_toast(live, failed)
    assert toast is not None
    assert toast.text == "first failed\nexit code 137\no shows its output"
