"""The last line: mode, run, screen; GPU, core and W&B at the right. One widget, one strip."""

from __future__ import annotations

from rich.cells import cell_len
from rich.segment import Segment
from textual.reactive import reactive
from textual.strip import Strip

from nanochat_host.ui.controls.one_line import OneLine
from nanochat_host.ui.render.ascii import to_ascii
from nanochat_host.ui.render.palette import Palette
from nanochat_host.ui.render.strips import fit

CORE_STYLES = {"up": "success", "connecting": "warning", "away": "error"}
WANDB_STYLES = {"live": "success", "stale": "warning", "retrying": "warning"}
RUN_CELLS = 48
"""What the run may ask others to make room for; a longer name is cut."""
Part = tuple[str, str]


def _wandb_style(state: str) -> str:
    """`state` may say how long: "stale 3 min"."""
    return WANDB_STYLES.get(state.split(" ")[0], "muted")


class StatusBar(OneLine):
    """Every part is plain text, sanitised by whoever sets it; an empty part takes no room. On a
    narrow terminal the GPU goes first, then W&B, then the screen, then the run is cut."""

    DEFAULT_CSS = "StatusBar { height: 1; }"

    mode: reactive[str] = reactive("")
    run_text: reactive[str] = reactive("")
    screen_text: reactive[str] = reactive("")
    trouble: reactive[str] = reactive("")
    gpu: reactive[str] = reactive("")
    core_state: reactive[str] = reactive("")
    wandb_state: reactive[str] = reactive("")
    ascii_only: reactive[bool] = reactive(False)

    def render_line(self, y: int) -> Strip:
        strip = self.paint(self.size.width, Palette.from_theme(self.app))
        return to_ascii([strip])[0] if self.ascii_only else strip

    def paint(self, width: int, palette: Palette) -> Strip:
        """The bar in exactly `width` cells."""
        left: list[Part] = [(f" {self.mode} ", "title")] if self.mode else []
        core: list[Part] = (
            [("● ", CORE_STYLES.get(self.core_state, "muted")), (f"core {self.core_state}", "")]
            if self.core_state
            else []
        )
        wandb: list[Part] = (
            [("● ", _wandb_style(self.wandb_state)), (f"W&B {self.wandb_state}", "")]
            if self.wandb_state
            else []
        )
        trouble: list[Part] = [("! ", "error-bold"), (self.trouble, "")] if self.trouble else []
        gpu: list[Part] = [(self.gpu, "muted")] if self.gpu else []
        screen: list[Part] = [(self.screen_text, "muted")] if self.screen_text else []
        optional = [gpu, wandb, screen]
        while True:
            right = _joined([part for part in (trouble, gpu, core, wandb) if part])
            middle = _joined([part for part in (screen,) if part])
            run_room = width - _size(left) - _size(right) - _size(middle) - 6
            if run_room >= min(cell_len(self.run_text), RUN_CELLS) or not any(optional):
                break
            next(part for part in optional if part).clear()
        run: list[Part] = [(f" {fit(self.run_text, max(0, run_room))}", "")]
        left = [*left, *run, *([("  ", ""), *middle] if middle else [])]
        gap = width - _size(left) - _size(right) - 1
        parts = [*left, (" " * max(0, gap), ""), *right, (" ", "")]
        bar = palette["host-bar"]
        ground = bar.background_style
        segments = [
            Segment(text, palette[style] + ground if style else bar)
            for text, style in parts
            if text
        ]
        return Strip(segments).adjust_cell_length(width, bar)


def _joined(groups: list[list[Part]]) -> list[Part]:
    out: list[Part] = []
    for group in groups:
        out += [("  ", ""), *group] if out else group
    return out


def _size(parts: list[Part]) -> int:
    return sum(cell_len(text) for text, _ in parts)
