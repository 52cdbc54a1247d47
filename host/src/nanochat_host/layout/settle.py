"""How panels share a grid: what moves, gives way or grows when one of them is put elsewhere. Pure.

`Places` maps ids of panels to rectangles that do not overlap. Every function returns new places,
or None where there is no room.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from nanochat_host.layout.spec import At

Places = dict[str, At]
MIN_FREE = (2, 2)
"""Columns and rows of a hole in which a new panel is put."""


def inside(at: At, columns: int, rows: int) -> At:
    """The rectangle nearest to `at` that lies in the grid."""
    width, height = min(max(1, at.width), columns), min(max(1, at.height), rows)
    col = min(max(0, at.col), columns - width)
    row = min(max(0, at.row), rows - height)
    return At(col, row, width, height)


def covered(places: Mapping[str, At], at: At, but: str = "") -> list[str]:
    """Ids of the panels that `at` lies over."""
    return [name for name, other in places.items() if name != but and other.overlaps(at)]


def push_down(places: Mapping[str, At], mover: str, at: At, rows: int) -> Places | None:
    """`mover` at `at`; what it covers goes below it, and what that covers below that."""
    result: Places = {mover: at}
    others = sorted(
        (item for item in places.items() if item[0] != mover), key=lambda i: (i[1].row, i[1].col)
    )
    for name, other in others:
        while blocking := covered(result, other):
            other = other._replace(row=max(result[b].row + result[b].height for b in blocking))
        if other.row + other.height > rows:
            return None
        result[name] = other
    return result


def swap(places: Mapping[str, At], first: str, second: str) -> Places:
    """The two panels change places and sizes."""
    return {**places, first: places[second], second: places[first]}


def put(places: Mapping[str, At], mover: str, at: At, rows: int) -> Places | None:
    """`mover` dropped at `at`: beside the others if there is room, else they go down, else it
    changes places with the one it covers most. None: it stays where it is."""
    if not covered(places, at, mover):
        return {**places, mover: at}
    pushed = push_down(places, mover, at, rows)
    if pushed is not None or mover not in places:
        return pushed
    under = max(covered(places, at, mover), key=lambda name: _shared(places[name], at))
    half = min(_area(places[under]), _area(at)) / 2
    return swap(places, mover, under) if _shared(places[under], at) >= half else None


def resize(places: Mapping[str, At], mover: str, at: At, rows: int) -> Places | None:
    """`mover` grows or shrinks to `at`: neighbours give way to it, and follow where it leaves."""
    old = places[mover]
    result: Places | None = {**places, mover: at}
    for name in covered(places, at, mover):
        trimmed = _trim(places[name], at)
        if trimmed is None:
            result = push_down(places, mover, at, rows)
            break
        assert result is not None
        result[name] = trimmed
    if result is not None:
        for strip, side in _left_free(old, at):
            _follow(result, mover, strip, side)
    return result


def remove(places: Mapping[str, At], gone: str) -> Places:
    """Without `gone`; neighbours that fill exactly one of its sides grow into the hole."""
    hole = places[gone]
    result = {name: at for name, at in places.items() if name != gone}
    for side in ("left", "right", "up", "down"):
        grown = dict(result)
        if _follow(grown, "", hole, side) == _length(hole, side):
            return grown
    return result


def add(
    places: Mapping[str, At],
    new: str,
    beside: str,
    columns: int,
    rows: int,
    least: tuple[int, int] = MIN_FREE,
) -> Places | None:
    """`new` in the largest hole; without one it takes half of `beside`, or of the largest panel.

    least: columns and rows it needs to be of use; less is given only where there is no other way.
    """
    hole = largest_hole(places, columns, rows)
    if hole is not None and hole.width >= least[0] and hole.height >= least[1]:
        return {**places, new: hole}
    found: Places | None = None
    for name in sorted(places, key=lambda name: (name != beside, -_area(places[name]))):
        halves = _halves(places[name])
        if halves is None:
            continue
        now = {**places, name: halves[0], new: halves[1]}
        if halves[1].width >= least[0] and halves[1].height >= least[1]:
            return now
        found = found or now
    return found


def _halves(at: At) -> tuple[At, At] | None:
    """Cut across the longer way, as it is seen; but few panels are of use in one column."""
    wide = at.width >= 4 and at.width * 1.5 >= at.height
    if wide or (at.height < 2 and at.width >= 2):
        left = (at.width + 1) // 2
        return at._replace(width=left), at._replace(col=at.col + left, width=at.width - left)
    if at.height >= 2:
        upper = (at.height + 1) // 2
        return at._replace(height=upper), at._replace(row=at.row + upper, height=at.height - upper)
    return None


def largest_hole(places: Mapping[str, At], columns: int, rows: int) -> At | None:
    """The largest rectangle that no panel covers; None when every field is taken."""
    best: At | None = None
    # Heights of free fields above each one, row by row: the largest rectangle under a histogram.
    free = [0] * columns
    taken = [[False] * columns for _ in range(rows)]
    for at in places.values():
        for row in range(at.row, min(rows, at.row + at.height)):
            for col in range(at.col, min(columns, at.col + at.width)):
                taken[row][col] = True
    for row in range(rows):
        free = [0 if taken[row][col] else free[col] + 1 for col in range(columns)]
        for left in range(columns):
            height = free[left]
            for right in range(left, columns):
                height = min(height, free[right])
                if not height:
                    break
                found = At(left, row - height + 1, right - left + 1, height)
                if best is None or _area(found) > _area(best):
                    best = found
    return best


def step_border(at: At, direction: str, columns: int, rows: int) -> At:
    """`at` with one border moved by a field in that direction: the right or lower one, or, for a
    panel at the end of the grid, the other."""
    col, row, width, height = at
    if direction in ("left", "right"):
        step = 1 if direction == "right" else -1
        if col + width == columns and col > 0:
            return At(col + step, row, width - step, height)
        return At(col, row, width + step, height)
    step = 1 if direction == "down" else -1
    if row + height == rows and row > 0:
        return At(col, row + step, width, height - step)
    return At(col, row, width, height + step)


def _area(at: At) -> int:
    return at.width * at.height


def _shared(a: At, b: At) -> int:
    width = min(a.col + a.width, b.col + b.width) - max(a.col, b.col)
    height = min(a.row + a.height, b.row + b.height) - max(a.row, b.row)
    return max(0, width) * max(0, height)


def _trim(other: At, at: At) -> At | None:
    """The largest part of `other` beside `at`; None when nothing is left."""
    right, bottom = at.col + at.width, at.row + at.height
    parts = (
        At(right, other.row, other.col + other.width - right, other.height),
        At(other.col, other.row, at.col - other.col, other.height),
        At(other.col, bottom, other.width, other.row + other.height - bottom),
        At(other.col, other.row, other.width, at.row - other.row),
    )
    left = [part for part in parts if part.width > 0 and part.height > 0]
    return max(left, key=_area, default=None)


def _left_free(old: At, new: At) -> Iterator[tuple[At, str]]:
    """Strips of `old` that `new` left, and on which side of `new` they lie."""
    if new.col > old.col:
        yield At(old.col, old.row, new.col - old.col, old.height), "left"
    if (end := new.col + new.width) < old.col + old.width:
        yield At(end, old.row, old.col + old.width - end, old.height), "right"
    left, width = max(old.col, new.col), min(old.width, new.width)
    if new.row > old.row:
        yield At(left, old.row, width, new.row - old.row), "up"
    if (end := new.row + new.height) < old.row + old.height:
        yield At(left, end, width, old.row + old.height - end), "down"


def _length(at: At, side: str) -> int:
    return at.height if side in ("left", "right") else at.width


def _follow(places: Places, mover: str, strip: At, side: str) -> int:
    """Panels on the far side of a free strip grow into it. Returns how much of its length they
    fill."""
    filled = 0
    for name, other in list(places.items()):
        if name == mover or not (grown := _grown(other, strip, side)):
            continue
        if not covered(places, grown, name):
            places[name] = grown
            filled += _length(other, side)
    return filled


def _grown(other: At, strip: At, side: str) -> At | None:
    """`other` with the strip added, if it borders it and reaches nowhere beyond its ends."""
    if side in ("left", "right"):
        within = strip.row <= other.row and other.row + other.height <= strip.row + strip.height
        if side == "left" and within and other.col + other.width == strip.col:
            return other._replace(width=other.width + strip.width)
        if side == "right" and within and other.col == strip.col + strip.width:
            return other._replace(col=strip.col, width=other.width + strip.width)
        return None
    within = strip.col <= other.col and other.col + other.width <= strip.col + strip.width
    if side == "up" and within and other.row + other.height == strip.row:
        return other._replace(height=other.height + strip.height)
    if side == "down" and within and other.row == strip.row + strip.height:
        return other._replace(row=strip.row, height=other.height + strip.height)
    return None
