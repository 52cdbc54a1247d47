"""What a panel does wrong costs that panel, and its frame says what it was."""

from __future__ import annotations

import asyncio
import errno

import pytest
from msgspec import structs
from nanochat_host.packs.catalog import PanelEntry
from nanochat_host.packs.policy import BASE_DELAY_S
from nanochat_host.packs.process import PanelState
from nanochat_sdk.protocol import MAX_FRAME
from workers_stage import BRISK, CATALOG, PATIENCE_S, ask, gone, hurry, on_stage, text


async def test_an_exception_is_shown_and_the_panel_stays_loaded() -> None:
    async with on_stage() as stage:
        panel = await stage.live("crash", once=True)
        pid = panel.pid
        assert await stage.fails(panel) == "KeyError: 'train/\\x1b[31mloss'"
        assert panel.state is PanelState.BACKOFF
        assert 0 < panel.retry_in_s <= BASE_DELAY_S
        assert "faulty.py" in panel.traceback
        await stage.until(lambda: panel.ready)
        await stage.frame(panel)
        assert text(panel) == "frame 2"  # the same instance
        assert panel.pid == pid
        assert (panel.reason, panel.traceback) == ("", "")


async def test_files_that_cannot_be_looked_at_are_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    async def objection(entry: PanelEntry) -> str:
        raise OSError(errno.EIO, "Input/output error")

    async with on_stage() as stage:
        monkeypatch.setattr(stage.supervisor, "objection", objection)
        entry = structs.replace(CATALOG.entry("fixture:crash"), sha256="0" * 64)
        panel = stage.supervisor.open(entry, {}, ())
        await stage.until(lambda: panel.failures)
        assert panel.reason == "its files cannot be looked at: [Errno 5] Input/output error"
        assert panel.state is PanelState.BACKOFF


async def test_five_failures_are_enough_until_the_person_says_again() -> None:
    async with on_stage() as stage:
        panel = await stage.live("crash")
        pid = panel.pid
        for _ in range(5):
            await stage.fails(panel)
            if panel._retry is not None:  # do not wait out 0.5 + 1 + 2 + 4 s
                panel._retry.cancel()
                panel._try_again()
        assert panel.state is PanelState.QUARANTINED
        assert panel.reason.startswith("KeyError")
        assert panel.reason.endswith("(failure 5 in ten minutes)")
        await gone(pid)
        assert not ask(panel)
        panel.restart()
        await stage.until(lambda: panel.ready)
        assert panel.reason == ""
        assert (await stage.fails(panel)).startswith("KeyError")
        assert panel.state is PanelState.BACKOFF


@pytest.mark.parametrize(
    ("panel_id", "reason"),
    [
        ("crash-at-load", "ImportError: no module named �[2Jcuda"),
        ("missing", "ModuleNotFoundError: No module named 'nowhere'"),
        ("not-a-panel", "SdkError: `calm:NOT_A_PANEL` is not a subclass of nanochat_sdk.Panel"),
        ("bad-payload", "PayloadError: x has 3 values and y has 2"),
        ("hog", "out of memory"),
    ],
)
async def test_each_fault_has_its_reason(panel_id: str, reason: str) -> None:
    async with on_stage() as stage:
        panel = stage.open(panel_id)
        assert await stage.fails(panel) == reason
        assert panel.state is PanelState.BACKOFF
        assert "importlib" not in panel.traceback, "how it was imported says nothing to its author"


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("sys", "exited with code 3"),
        ("os", "exited with code 4"),
        ("segv", "killed by SIGSEGV"),
        ("close", "closed its pipe to the host"),
    ],
)
async def test_each_end_has_its_reason(how: str, reason: str) -> None:
    async with on_stage() as stage:
        panel = await stage.live("exit", how=how)
        pid = panel.pid
        assert await stage.fails(panel) == reason
        await gone(pid)
        assert panel.state is (PanelState.QUARANTINED if how == "close" else PanelState.BACKOFF)


async def test_a_panel_that_never_loads_is_killed() -> None:
    async with on_stage(BRISK) as stage:
        panel = stage.open("hang-at-load")
        assert await stage.fails(panel) == "did not load within 2 s"


async def test_a_panel_that_hangs_is_killed_and_its_last_payload_stays() -> None:
    async with on_stage() as stage:
        panel = await stage.live("hang")
        pid = panel.pid
        await stage.frame(panel)
        hurry(panel)
        assert await stage.fails(panel) == "did not answer within 2 s"
        await gone(pid)
        assert text(panel) == "so far so good"
        await stage.until(lambda: panel.ready)
        assert panel.pid != pid
        states = [state.value for state, _ in stage.history["hang"]]
        assert "slow" in states
        assert states[-3:] == ["backoff", "starting", "live"]


async def test_a_flooded_log_blocks_its_writer_and_keeps_only_a_tail() -> None:
    async with on_stage() as stage:
        panel = await stage.live("chatty")
        hurry(panel)
        assert ask(panel)
        session = panel._session
        assert session is not None
        assert await stage.fails(panel) == "did not answer within 2 s"
        assert 0 < len(session.log_text()) <= 64 * 1024
        assert "blah" in session.log_text()
        assert "\x1b" not in session.log_text()


@pytest.mark.parametrize(
    ("lie", "reason"),
    [
        ("wrong-seq", "answered frame 7 when frame 1 was asked for"),
        ("two-replies", "answered more than once"),
        ("late-second", "sent something that nobody asked for"),
        ("huge", f"answered with {MAX_FRAME // 1024 + 44} KiB; the limit is 256 KiB"),
        ("empty", "answered with an empty message; the limit is 256 KiB"),
        ("garbage", "sent a malformed message: MessagePack data is malformed"),
        ("out-of-turn", "sent Loaded out of turn"),
        ("unknown-field", "sent a malformed message: Object contains unknown field `markup`"),
        ("failed-other", "answered frame 99 when frame 1 was asked for"),
        ("flood", "answered more than once"),
    ],
)
async def test_a_lie_is_a_violation_and_ends_in_quarantine_at_once(lie: str, reason: str) -> None:
    async with on_stage() as stage:
        panel = await stage.live("liar", lie=lie)
        pid = panel.pid
        assert (await stage.fails(panel)).startswith(reason)
        assert panel.state is PanelState.QUARANTINED
        assert panel.retry_in_s == 0
        await gone(pid)


async def test_half_a_message_is_a_deadline_missed() -> None:
    async with on_stage() as stage:
        panel = await stage.live("liar", lie="half")
        hurry(panel)
        assert await stage.fails(panel) == "did not answer within 2 s"
        assert panel.state is PanelState.BACKOFF


async def test_poisoned_text_is_harmless_wherever_it_travels() -> None:
    async with on_stage() as stage:
        panel = await stage.live("evil-text")
        session = panel._session
        assert session is not None
        await stage.frame(panel)
        # The log comes by another pipe than the frame.
        async with asyncio.timeout(PATIENCE_S):
            while not session.log_text():
                await asyncio.sleep(0.002)
        shown = [text(panel), panel.status, panel.keys[0].help, *session.log_text().split("\n")]
        for line in shown:
            assert line.isprintable(), ascii(line)
        assert "abc" in shown[0]


async def test_one_bad_panel_does_not_slow_the_others() -> None:
    async with on_stage() as stage:
        good = await stage.live("echo")
        hang, chatty = await stage.live("hang"), await stage.live("chatty")
        liar = await stage.live("liar", lie="flood")
        await stage.frame(hang)
        hurry(chatty)
        for panel in (hang, chatty, liar):
            assert ask(panel)
        for _ in range(50):
            await stage.frame(good)
        assert hang.failures == 0, "it hangs still: nobody waited for its deadline"
        await stage.until(lambda: chatty.failures and liar.failures)
        await stage.frame(good)
        assert (good.failures, good.state) == (0, PanelState.LIVE)
