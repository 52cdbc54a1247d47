"""Whether the lens learns: its loss, and how its scores go with what compression costs."""

from __future__ import annotations

from nanochat_sdk import Needs, Payload, Series, SeriesQuery, Size, Span, Style, Text
from nanochat_sdk import format as fmt

from nanochat_mc.bands import CORRELATION
from nanochat_mc.base import McPanel, bar, option
from nanochat_mc.states import Source, absent

LOSS = "mc/lens_loss"
CORRELATIONS = {
    "mean": ("mc/preference_corr_mean", "mc/preference_corr_mean_valid"),
    "least": ("mc/preference_corr_min", "mc/preference_corr_min_valid"),
    "greatest": ("mc/preference_corr_max", "mc/preference_corr_max_valid"),
}
PAIRS, MISSING = "mc/preference_pair_count", "mc/preference_missing"
W_AND_B = "mc/grad_accum_steps"
"""A figure that comes through W&B alone, with every row of it."""
AGREEMENT = "mc/preference_agreement"
SCORES = {"score size": "mc/policy_score_abs_mean", "score spread": "mc/policy_score_std_mean"}
CALLS = {
    "lens calls": "mc/lens_calls",
    "by the allocator": "mc/lens_allocator_calls",
    "gist calls": "mc/gist_calls",
}
LABEL = 18
"""Cells of a label where there is room."""
ENOUGH = 5
"""Zeros before they are said to be for good."""
SOURCE = Source("figures of the lens", timers=False, proof=())


class Lens(McPanel):
    """Loss first, in plain words where it is exactly zero, then preferences, then use."""

    def needs(self, size: Size) -> Needs:
        return self.wants(SeriesQuery(LOSS, 64), SeriesQuery(PAIRS, 64))

    def render(self, size: Size) -> Payload:
        names = [LOSS, PAIRS, MISSING, *CALLS.values()]
        self.date_metrics(*names)
        if not any(name in self.data.latest for name in names):
            return absent(self.data, SOURCE)
        lines = [*self._loss(), *self._preferences(size.width), *self._use()]
        label = min(LABEL, max(size.width // 2 - 1, 1))
        lines = [
            [(fmt.fit(fmt.cut(line[0][0], label - 1), label), line[0][1]), *line[1:]]
            for line in lines
        ]
        return Text(lines=[_clip(line, size.width) for line in lines[: max(size.height, 1)]])

    def _loss(self) -> list[list[Span]]:
        series = self.data.series.get(LOSS)
        if LOSS not in self.data.latest:
            return [_line("lens loss", self._why(""), "muted")]
        newest = self.latest(LOSS)
        if newest == 0 and _all_zero(series):
            count = series.total if series else 1
            if count < ENOUGH:
                return [_line("lens loss", "0 so far", "")]
            weight = option(self.data, "mc_lens_loss_weight")
            why = "its weight is 0" if weight == 0 else "the revision computes none"
            return [
                _line("lens loss", f"exactly 0 for all {fmt.integer(count)} points", "error"),
                _line("", f"it does not learn: {why}", "muted"),
            ]
        style: Style = "warning" if newest is not None and newest > 0.1 else "success"
        return [_line("lens loss", fmt.number(newest), style)]

    def _preferences(self, width: int) -> list[list[Span]]:
        pairs = self.latest(PAIRS)
        seen = self.data.series.get(PAIRS)
        if not pairs and not (seen and max(seen.means(), default=0.0) > 0):
            missing = self.latest(MISSING)
            of = f" (of {fmt.integer(missing)} variants)" if missing is not None else ""
            known = pairs is not None or missing is not None
            said = f"no pairs{of}" if known else self._why("mc_log_lens_debug")
            return [_line("preferences", said, "warning" if known else "muted")]
        lines = [_line("preferences", f"{fmt.integer(pairs)} pairs", "")]
        for label, names in CORRELATIONS.items():
            value = next((v for name in names if (v := self.latest(name)) is not None), None)
            if value is not None:
                lines.append(_correlation(label, value, width))
        agreement = self.latest(AGREEMENT)
        if agreement is not None:
            lines.append(_line("agreement", fmt.percent(100 * agreement), ""))
        return lines

    def _why(self, flag: str) -> str:
        """Why a figure is missing that W&B reports, and the log with a flag."""
        if flag and option(self.data, flag) == 0:
            return f"needs --{flag}=1, or W&B"
        return (
            "not emitted by this revision"
            if W_AND_B in self.data.latest
            else "with W&B's figures: none came"
        )

    def _use(self) -> list[list[Span]]:
        known = {**SCORES, **CALLS}
        return [
            _line(
                label,
                fmt.number(value) if name in SCORES.values() else f"{fmt.integer(value)} a step",
                "",
            )
            for label, name in known.items()
            if (value := self.latest(name)) is not None
        ]


def _line(label: str, value: str, style: Style) -> list[Span]:
    return [(label, "muted"), (value, style)]


def _correlation(label: str, value: float, width: int) -> list[Span]:
    """A correlation as a bar from 0 to the left or right: left is good."""
    value = min(max(value, -1.0), 1.0)
    style = CORRELATION.style(value)
    half = max(min((width - 30) // 2, 20), 0)
    left = bar(-value, half) if value < 0 else ""
    right = bar(value, half) if value > 0 else ""
    drawn: list[Span] = (
        [(f"  {left.rjust(half)}", style), ("│", "muted"), (right, style)] if half else []
    )
    return [*_line(f"  corr., {label}", f"{fmt.fixed(value, 3):>7}", style), *drawn]


def _all_zero(series: Series | None) -> bool:
    if not series:
        return True
    return not any(series.means()) and not any(value for value in memoryview(series.hi).cast("d"))


def _clip(line: list[Span], width: int) -> list[Span]:
    room, out = width, []
    for text, style in line:
        out.append((fmt.cut(text, room), style))
        room -= fmt.cells(text)
        if room <= 0:
            break
    return out
