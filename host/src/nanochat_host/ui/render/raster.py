"""Curves to braille, without a loop over cells.

A curve is first reduced to one integer per dot column whose bits are the dots that are set (bit 0
is the lowest row). Overlaps, steep flanks and envelopes are then plain `|=` of bit runs. Written in
hexadecimal such an integer has one digit, four dots, per cell: two neighbouring columns translate
byte-wise into the braille patterns of a column of cells. Cost grows with the columns drawn, never
with the points behind them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import groupby, pairwise
from math import floor
from operator import sub

DOTS_X, DOTS_Y = 2, 4
"""Dots of a cell, across and down."""


def _digits(bits: Sequence[int]) -> bytes:
    """Translation from a hex digit (dots of a cell column, top first) to braille bits."""
    table = bytearray(256)
    for value, digit in enumerate(b"0123456789abcdef"):
        table[digit] = sum(bits[row] for row in range(4) if value & (8 >> row))
    return bytes(table)


LEFT = _digits((0x01, 0x02, 0x04, 0x40))
RIGHT = _digits((0x08, 0x10, 0x20, 0x80))
SET = bytes([0]) + bytes([255]) * 255
"""Translation to an all-ones mask where anything is set."""
MAX_BAR = 5 * DOTS_X
RUNS = re.compile(rb"(.)\1*", re.DOTALL)


class Curve:
    """The dots of one curve on a canvas of `width` x `height` cells."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self.columns = [0] * (width * DOTS_X)
        self._top = height * DOTS_Y - 1

    def span(self, column: int, a: float, b: float) -> None:
        """Set the dots between heights a and b (dots from the bottom, clipped) of a dot column."""
        self._fill((column,), (min(a, b),), (max(a, b),))

    def _fill(self, xs: Sequence[float], lows: Sequence[float], highs: Sequence[float]) -> None:
        """Vertical runs of dots, low not above high; NaN is left out.

        A half counts upwards for the lower end and downwards for the upper one: runs that meet at
        a half share no dot.
        """
        columns, top, count = self.columns, self._top, len(self.columns)
        for x, low, high in zip(xs, lows, highs, strict=True):
            if high >= -0.5 and low <= top + 0.5 and 0 <= x < count:
                bottom = int(low + 0.5) if low > 0 else 0
                above = int(high + 0.4999) if high < top else top
                if bottom < above:
                    columns[int(x)] |= ((2 << (above - bottom)) - 1) << bottom
                else:
                    columns[int(x)] |= 1 << min(bottom, top)

    def line(self, xs: Sequence[float], ys: Sequence[float]) -> None:
        """Join the points; a NaN is a gap, a point between two gaps a dot. Units: dots."""
        if sum(ys) == sum(ys):
            self._stroke(xs, ys)
            return
        for finite, points in groupby(zip(xs, ys, strict=True), lambda point: point[1] == point[1]):
            if finite:
                run_xs, run_ys = zip(*points, strict=True)
                self._stroke(run_xs, run_ys)

    def _stroke(self, xs: Sequence[float], ys: Sequence[float]) -> None:
        """A line without gaps, one dot thin: each column reaches half-way to its neighbours."""
        if not _dense(xs):
            xs, ys = self._resample(xs, ys)
        rows = [floor(y + 0.5) for y in ys]
        half = [(a + b) // 2 + 0.5 for a, b in pairwise(rows)]
        reach = (rows[:1] + half, rows, half + rows[-1:])
        self._fill(xs, list(map(min, *reach)), list(map(max, *reach)))

    def _resample(
        self, xs: Sequence[float], ys: Sequence[float]
    ) -> tuple[list[float], list[float]]:
        """The points and, on the straight lines between them, one for each dot column."""
        out_xs: list[float] = []
        out_ys: list[float] = []
        for (x0, y0), (x1, y1) in pairwise(zip(xs, ys, strict=True)):
            out_xs.append(x0)
            out_ys.append(y0)
            first, last = int(x0), int(x1)
            slope = (y1 - y0) / max(1, last - first)
            between = range(max(first + 1, 0), min(last, len(self.columns)))
            out_xs += between
            out_ys += [y0 + slope * (column - first) for column in between]
        return [*out_xs, xs[-1]], [*out_ys, ys[-1]]

    def band(self, xs: Sequence[float], lo: Sequence[float], hi: Sequence[float]) -> None:
        """Fill between two curves; NaN is a gap. Units: dots."""
        self._fill(xs, lo, hi)
        if _dense(xs):
            return
        for (x0, low0, high0), (x1, low1, high1) in pairwise(zip(xs, lo, hi, strict=True)):
            first, last = int(x0), int(x1)
            if last - first > 1 and low0 + high0 + low1 + high1 == low0 + high0 + low1 + high1:
                for column in range(max(first, 0), min(last, len(self.columns))):
                    part = (column - first) / (last - first)
                    self.span(column, low0 + (low1 - low0) * part, high0 + (high1 - high0) * part)

    def points(self, xs: Sequence[float], ys: Sequence[float]) -> None:
        """Separate dots, two high so that they are seen."""
        for x, y in zip(xs, ys, strict=True):
            if y == y:
                self.span(int(x), y, y)
                self.span(int(x) + (1 if int(x) % 2 == 0 else -1), y, y)

    def step(self, xs: Sequence[float], ys: Sequence[float]) -> None:
        """A value that holds until the next point."""
        for (x0, y0), (x1, y1) in pairwise(zip(xs, ys, strict=True)):
            if y0 != y0:
                continue
            for column in range(max(int(x0), 0), min(int(x1), len(self.columns) - 1) + 1):
                self.span(column, y0, y0)
            if y1 == y1:
                self.span(int(x1), y0, y1)
        if xs and ys[-1] == ys[-1]:
            self.span(int(xs[-1]), ys[-1], ys[-1])

    def bars(self, xs: Sequence[float], ys: Sequence[float], base: float) -> None:
        """A bar from `base` to each point, as wide as the distance to the next allows and no
        wider than five cells."""
        count = len(xs)
        gap = (xs[-1] - xs[0]) / (count - 1) if count > 1 else 4.0
        half = max(0, min(MAX_BAR // 2, int(gap * 0.35)))
        for x, y in zip(xs, ys, strict=True):
            if y == y:
                for column in range(
                    max(int(x) - half, 0), min(int(x) + half + 1, len(self.columns))
                ):
                    self.span(column, base, y)

    def cells(self) -> bytearray:
        """Braille bits of all cells, row-major, `width * height` bytes."""
        width, height = self.width, self.height
        sides = []
        for first, table in ((0, LEFT), (1, RIGHT)):
            digits = b"".join([b"%0*x" % (height, dots) for dots in self.columns[first::2]])
            sides.append(int.from_bytes(digits.translate(table), "big"))
        by_column = (sides[0] | sides[1]).to_bytes(width * height, "big")
        out = bytearray(width * height)
        for cell in range(width):
            out[cell::width] = by_column[cell * height : (cell + 1) * height]
        return out


def _dense(xs: Sequence[float]) -> bool:
    """No dot column lies between two neighbouring points."""
    return len(xs) < 2 or max(map(sub, xs[1:], xs)) <= 1


class Canvas:
    """Braille cells of several curves, and who owns each cell."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self.size = width * height
        self._bits = 0
        self._owner = 0

    def add(self, cells: bytes | bytearray, owner: int) -> None:
        """Put a curve on top; dots below stay. owner: 1..255, the colour of its cells."""
        mask = int.from_bytes(cells.translate(SET), "big")
        self._bits |= int.from_bytes(cells, "big")
        painted = mask & int.from_bytes(bytes([owner]) * self.size, "big")
        self._owner = self._owner & ~mask | painted

    def cover(self, other: Canvas) -> None:
        """Put another canvas of the same size on top; in its cells only its own dots remain."""
        mask = int.from_bytes(other._owner.to_bytes(self.size, "big").translate(SET), "big")
        self._bits = self._bits & ~mask | other._bits
        self._owner = self._owner & ~mask | other._owner

    def rows(self, glyphs: bytes | None = None) -> list[tuple[str, bytes]]:
        """Each row as its characters and the owner of each cell (0: empty).

        glyphs: 256 ASCII characters by owner, drawn in place of braille.
        """
        owner = self._owner.to_bytes(self.size, "big")
        if glyphs:
            text = owner.translate(glyphs).decode("ascii")
        else:
            wide = bytearray(2 * self.size)
            wide[0::2] = self._bits.to_bytes(self.size, "big")
            wide[1::2] = b"\x28" * self.size
            text = wide.decode("utf-16-le").replace("\u2800", " ")
        step = self.width
        return [(text[at : at + step], owner[at : at + step]) for at in range(0, self.size, step)]
