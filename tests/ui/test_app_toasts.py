"""Which events are worth a toast."""

from __future__ import annotations

from typing import Any

import pytest
from app_rig import make_run
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
