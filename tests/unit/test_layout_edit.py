"""Panels never overlap, never leave the grid, never get lost; what cannot be done is said."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nanochat_host.layout import edit, settle
from nanochat_host.layout.edit import EditError
from nanochat_host.layout.history import MAX_STEPS, History
from nanochat_host.layout.spec import At, LayoutSpec, Placement, ScreenSpec


def layout_of(**places: tuple[int, int, int, int]) -> LayoutSpec:
    panels = tuple(Placement(name, f"p:{name}", at=At(*at)) for name, at in places.items())
    return LayoutSpec("l", "L", "", Path("l.toml"), (ScreenSpec("s", "S", panels=panels),))


TILED = layout_of(a=(0, 0, 8, 4), b=(8, 0, 4, 4), c=(0, 4, 4, 8), d=(4, 4, 8, 8))


def at(layout: LayoutSpec, panel: str, narrow: bool = False) -> At | None:
    return edit.places(layout.screens[0], narrow).get(panel)


def area(layout: LayoutSpec) -> int:
    return sum(p.width * p.height for p in edit.places(layout.screens[0], False).values())


def test_a_free_neighbourhood_is_moved_into() -> None:
    layout = edit.move_panel(layout_of(a=(0, 0, 4, 4)), "s", "a", "right")
    assert at(layout, "a") == (1, 0, 4, 4)


def test_a_panel_in_the_way_changes_places() -> None:
    layout = edit.move_panel(TILED, "s", "a", "right")
    assert (at(layout, "a"), at(layout, "b")) == ((8, 0, 4, 4), (0, 0, 8, 4))
    assert area(layout) == 144


@pytest.mark.parametrize("direction", ["left", "up"])
def test_the_end_of_the_grid_is_said(direction: str) -> None:
    with pytest.raises(EditError, match="ends here"):
        edit.move_panel(TILED, "s", "a", direction)


def test_growing_takes_from_the_neighbours_and_shrinking_gives_back() -> None:
    grown = edit.resize_panel(TILED, "s", "a", At(0, 0, 9, 4))
    assert at(grown, "b") == (9, 0, 3, 4) and area(grown) == 144
    assert edit.resize_panel(grown, "s", "a", At(0, 0, 8, 4)) == TILED
    corner = edit.resize_panel(TILED, "s", "a", At(0, 0, 10, 6))
    assert at(corner, "b") == (10, 0, 2, 4) and at(corner, "c") == (0, 6, 4, 6)


def test_borders_move_in_the_direction_of_the_arrow() -> None:
    assert settle.step_border(At(0, 0, 8, 4), "right", 12, 12) == (0, 0, 9, 4)
    assert settle.step_border(At(8, 0, 4, 4), "left", 12, 12) == (7, 0, 5, 4)
    assert settle.step_border(At(8, 0, 4, 12), "up", 12, 12) == (8, 0, 4, 11)
    assert settle.step_border(At(8, 8, 4, 4), "up", 12, 12) == (8, 7, 4, 5)


def test_a_drop_pushes_down_where_there_is_room_and_else_changes_places() -> None:
    loose = layout_of(a=(0, 0, 4, 4), b=(4, 0, 4, 4), c=(4, 4, 4, 2))
    layout = edit.put_panel(loose, "s", "a", At(4, 1, 4, 4))
    assert [at(layout, name) for name in "abc"] == [(4, 1, 4, 4), (4, 5, 4, 4), (4, 9, 4, 2)]
    layout = edit.put_panel(TILED, "s", "b", At(1, 5, 4, 4))
    assert (at(layout, "b"), at(layout, "c")) == ((0, 4, 4, 8), (8, 0, 4, 4))


def test_what_cannot_give_way_is_refused() -> None:
    stack = layout_of(**{f"p{n}": (0, n, 12, 1) for n in range(12)})
    with pytest.raises(EditError, match="no room"):
        edit.resize_panel(stack, "s", "p0", At(0, 0, 12, 2))
    with pytest.raises(EditError, match="ends here"):
        edit.put_panel(stack, "s", "p0", At(0, 11, 12, 2))
    with pytest.raises(EditError, match="smaller"):
        edit.resize_panel(stack, "s", "p0", At(0, 0, 0, 1))


def test_a_removed_panel_leaves_its_room_to_its_neighbours() -> None:
    layout = edit.remove_panel(TILED, "s", "b")
    assert at(layout, "a") == (0, 0, 12, 4) and area(layout) == 144


def test_a_new_panel_takes_the_largest_hole_or_half_of_another() -> None:
    layout, new = edit.add_panel(layout_of(a=(0, 0, 8, 12)), "s", "p:x", {})
    assert at(layout, new) == (8, 0, 4, 12)
    layout, new = edit.add_panel(TILED, "s", "p:a", {}, beside="d")
    assert new == "a-2" and at(layout, "d") == (4, 4, 4, 8) and at(layout, new) == (8, 4, 4, 8)


def test_narrow_places_are_edited_alone() -> None:
    screen = ScreenSpec("s", "S", panels=(
        Placement("a", "p:a", at=At(0, 0, 12, 6), at_narrow=At(0, 0, 12, 12)),
        Placement("b", "p:b", at=At(0, 6, 6, 6)),
        Placement("c", "p:c", at=At(6, 6, 6, 6)),
    ))  # fmt: skip
    layout = edit.with_screen(TILED, screen)
    down = edit.move_panel(layout, "s", "a", "down", narrow=True)
    assert (at(down, "a", True), at(down, "b", True)) == (None, (0, 0, 12, 12))
    assert [p.at for p in down.screens[0].panels if p.id == "a"] == [(0, 0, 12, 6)]
    up = edit.move_panel(layout, "s", "c", "up", narrow=True)
    assert [panel.id for panel in up.screens[0].panels] == ["a", "c", "b"]
    with pytest.raises(EditError, match="stacks below"):
        edit.resize_panel(layout, "s", "b", At(0, 0, 1, 1), narrow=True)
    shrunk = edit.resize_panel(layout, "s", "a", At(0, 0, 12, 6), narrow=True)
    placed = edit.move_panel(shrunk, "s", "b", "up", narrow=True)
    assert at(placed, "b", True) == (0, 6, 12, 6)


def test_screens_are_made_named_moved_and_deleted() -> None:
    layout, new = edit.add_screen(TILED, "Bits & bobs", after="s")
    layout, copy = edit.add_screen(layout, "S", after="s", like="s")
    assert [screen.id for screen in layout.screens] == ["s", copy, new]
    assert layout.screens[1].panels == TILED.screens[0].panels and copy == "s-2"
    layout = edit.move_screen(edit.rename_screen(layout, new, "Bits"), new, -2)
    assert [screen.title for screen in layout.screens] == ["Bits", "S", "S"]
    with pytest.raises(EditError, match="tabs end"):
        edit.move_screen(layout, new, -1)
    layout = edit.delete_screen(edit.delete_screen(layout, "s"), copy)
    with pytest.raises(EditError, match="at least one"):
        edit.delete_screen(layout, new)


STEPS = st.lists(
    st.tuples(st.sampled_from(("move", "put", "resize", "add", "remove", "step")),
              st.integers(0, 9), *[st.integers(0, 12)] * 4, st.booleans()),
    max_size=20,
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(STEPS)
def test_whatever_is_done_panels_lie_side_by_side_on_the_grid(
    steps: list[tuple[str, int, int, int, int, int, bool]],
) -> None:
    layout = TILED
    for what, n, *numbers, narrow in steps:
        panels = layout.screens[0].panels
        ids = {panel.id for panel in panels}
        name = panels[n % len(panels)].id if panels else "none"
        direction = ("left", "right", "up", "down")[n % 4]
        here = edit.places(layout.screens[0], narrow).get(name)
        try:
            if what == "move":
                layout = edit.move_panel(layout, "s", name, direction, narrow)
            elif what == "add":
                layout, added = edit.add_panel(layout, "s", "p:x", {}, beside=name)
                ids.add(added)
            elif what == "remove":
                layout = edit.remove_panel(layout, "s", name)
                ids.discard(name)
            elif what == "put":
                layout = edit.put_panel(layout, "s", name, At(*numbers), narrow)
            elif here is not None:
                to = (
                    At(*numbers)
                    if what == "resize"
                    else settle.step_border(here, direction, 12, 12)
                )
                layout = edit.resize_panel(layout, "s", name, to, narrow)
        except EditError:
            continue
        screen = layout.screens[0]
        assert {panel.id for panel in screen.panels} == ids
        for kind in (False, True):
            found = edit.places(screen, kind)
            assert all(settle.inside(place, 12, 12) == place for place in found.values())
            assert not any(x.overlaps(y) for x, y in combinations(found.values(), 2))


def test_history_goes_back_and_forth_by_name() -> None:
    history = History(TILED)
    states = [TILED]
    for direction in ("right", "left", "down"):
        states.append(edit.move_panel(states[-1], "s", "a", direction))
        history.do(f"move a {direction}", states[-1])
    assert history.dirty and history.undo_name == "move a down"
    assert [history.undo(), history.undo()] == ["move a down", "move a left"]
    assert history.present == states[1] and history.redo_name == "move a left"
    assert history.redo() == "move a left" and history.present == states[2]
    history.do("remove b", edit.remove_panel(history.present, "s", "b"))
    assert history.redo_name == ""
    with pytest.raises(EditError, match="nothing to redo"):
        history.redo()
    history.settle(history.present)
    assert not history.dirty
    history.undo()
    assert history.dirty


def test_letters_typed_into_one_field_are_one_step() -> None:
    history = History(TILED)
    for title in ("L", "Lo", "Los"):
        history.do("title", edit.set_panel(TILED, "s", "a", title=title), merge="a.title")
    assert history.undo() == "title" and history.present == TILED
    with pytest.raises(EditError, match="nothing to undo"):
        history.undo()


def test_history_is_bounded() -> None:
    history = History(TILED)
    layouts = [edit.rename_screen(TILED, "s", str(n)) for n in range(MAX_STEPS + 50)]
    for n, layout in enumerate(layouts):
        history.do(str(n), layout)
    undone = 0
    while history.undo_name:
        history.undo()
        undone += 1
    assert undone == MAX_STEPS and history.present == layouts[49]


def test_a_new_panel_gets_the_room_it_needs_where_there_is_any() -> None:
    small, large = At(0, 0, 6, 3), At(0, 3, 12, 9)
    spread = {"small": small, "large": large}
    hole = At(6, 0, 6, 3)
    assert settle.add(spread, "new", "small", 12, 12)["new"] == hole  # type: ignore[index]
    wanted = settle.add(spread, "new", "small", 12, 12, least=(5, 6))
    assert wanted is not None and wanted["new"] == At(6, 3, 6, 9)
    cramped = settle.add({"all": At(0, 0, 12, 12)}, "new", "all", 12, 12, least=(12, 12))
    assert cramped is not None and "new" in cramped, "less than it needs rather than nothing"
