"""What stands in a panel's frame while it has nothing of its own to show."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nanochat_sdk.payload import Line, Payload, Text, notice

from nanochat_host.packs.state import PanelState

if TYPE_CHECKING:
    from nanochat_host.packs.process import PanelProcess

FAILED = frozenset({PanelState.BACKOFF, PanelState.QUARANTINED, PanelState.STOPPED})


def missing(panel: str) -> Payload:
    """The layout names a panel that no pack provides."""
    pack = panel.partition(":")[0]
    lines: list[Line] = [
        [("! ", "warning"), (f"No panel {panel}", "bold")],
        [(f"The pack {pack} is not installed.", "")],
        [("i", "accent"), (" installs packs   ", "muted"), ("del", "accent"),
         (" takes the panel off this layout", "muted")],
    ]  # fmt: skip
    return Text(lines=lines, wrap=True)


def no_source(source: str) -> Payload:
    """The panel is to show a run that is not there."""
    return notice(f"No run {source}", "E, then enter, to choose another source", "warning")


def too_small(width: int, height: int) -> Payload:
    """The frame has fewer cells than the panel can use."""
    return notice(f"needs {width} x {height}", "z to zoom")


def starting() -> Payload:
    """Its worker is on its way."""
    return notice("starting …")


def failed(process: PanelProcess) -> Payload:
    """Reason, what to press, and the traceback for the panel's author."""
    lines: list[Line] = [[("✗ ", "error"), ("This panel failed", "error-bold")]]
    if process.state is PanelState.QUARANTINED:
        lines = [[("✗ ", "error"), ("This panel was stopped", "error-bold")]]
    if process.reason:
        lines.append([(process.reason, "")])
    if process.state is PanelState.BACKOFF:
        lines.append(
            [("It is started again by itself; ", "muted"), ("R", "accent"), (" now", "muted")]
        )
    else:
        lines.append([("Press ", "muted"), ("R", "accent"), (" to start it again", "muted")])
    if process.traceback:
        lines.append([])
        lines += [[(line[:400], "muted")] for line in process.traceback.splitlines()[-40:]]
    return Text(lines=lines, wrap=True)


def badge(process: PanelProcess) -> tuple[str, str]:
    """(text, style) at the right of the title: the worker's state, else the panel's own status."""
    match process.state:
        case PanelState.STARTING:
            return "starting", "muted"
        case PanelState.SLOW:
            return "slow", "warning"
        case PanelState.BACKOFF:
            return f"{process.reason.partition(':')[0] or 'failed'}, trying again", "warning"
        case PanelState.QUARANTINED | PanelState.STOPPED:
            return "stopped", "error"
        case _:
            return process.status, "muted"
