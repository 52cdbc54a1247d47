"""Edits go back into the file and leave everything else in it as it was."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nanochat_host.layout import edit
from nanochat_host.layout.edit import EditError
from nanochat_host.layout.load import parse_layout, usable
from nanochat_host.layout.spec import At, LayoutSpec
from nanochat_host.layout.write import LayoutWriteError, fresh, rewrite
from nanochat_sdk.manifest import OptionSpec, PanelManifest

OPTIONS = {
    "smoothing": OptionSpec("float", 0.9, "EMA weight", min=0, max=1),
    "names": OptionSpec("metrics", [], "metrics"),
}
CATALOG = {
    f"builtin:{name}": PanelManifest(id=name, entry="p:P", title=name, help="", options=OPTIONS)
    for name in ("loss", "log", "gpu")
}
FILE = Path("mine.toml")
TEXT = """\
# about the file
version = 1   # of the format
title = "Mine"

# apart from all

# the first screen
[[screens]]
id = "train"   # stays
# before the panel's header
[[screens.panels]]
id = "loss"
panel = "builtin:loss"
at = [0, 0, # column and row
      8, 6] # a place
[screens.panels.options]
smoothing = 0.5 # by hand

[[screens.panels]]
panel = "builtin:log"
id = 'log'
at = [8, 0, 4, 6]
options = { names = ["a", "b"] } # inline
refresh_hz = 2

# between two screens

[[screens]]
id = "machine"
title = "Machine"
[[screens.panels]]
id = "gpu"
panel = "builtin:gpu"
at = [0, 0, 12, 12]
at_narrow = [0, 0, 12, 6]
[[screens.panels]]
id = "far"
panel = "elsewhere:thing"
at = [0, 0, 1, 1]
options = { anything = [1, { x = 2 }] }
# the end
""".replace("at = [0, 0, 12, 12]", "at = [1, 0, 11, 12]")


def read(text: str) -> LayoutSpec:
    return usable(*parse_layout(text.encode(), FILE, CATALOG))


def changed(before: str, after: str) -> tuple[set[str], set[str]]:
    """Lines that went, and lines that came."""
    old, new = before.splitlines(), after.splitlines()
    return set(old) - set(new), set(new) - set(old)


def test_nothing_changed_is_the_same_text() -> None:
    assert rewrite(TEXT, read(TEXT), CATALOG) == TEXT
    assert rewrite(TEXT + "\n\n", read(TEXT), CATALOG) == TEXT + "\n\n"


def test_one_changed_value_changes_one_line() -> None:
    layout = edit.set_panel(read(TEXT), "train", "log", refresh_hz=5.0)
    assert changed(TEXT, rewrite(TEXT, layout, CATALOG)) == (
        {"refresh_hz = 2"}, {"refresh_hz = 5.0"},
    )  # fmt: skip


def test_a_place_keeps_the_comments_inside_it() -> None:
    layout = edit.resize_panel(read(TEXT), "train", "loss", At(0, 0, 8, 8))
    text = rewrite(TEXT, layout, CATALOG)
    assert changed(TEXT, text) == ({"      8, 6] # a place"}, {"      8, 8] # a place"})


def test_options_are_set_in_the_form_they_were_written_in() -> None:
    layout = read(TEXT)
    layout = edit.set_panel(layout, "train", "loss", options={"smoothing": 0.7, "names": ["x"]})
    layout = edit.set_panel(layout, "train", "log", options={"smoothing": 0.9, "names": ["c"]})
    layout = edit.set_panel(layout, "machine", "gpu", options={"smoothing": 0.1, "names": []})
    text = rewrite(TEXT, layout, CATALOG)
    assert "smoothing = 0.7 # by hand" in text
    assert 'options = { names = ["c"] } # inline' in text.replace("{names", "{ names").replace(
        "]}", "] }"
    )
    assert "options = {smoothing = 0.1}" in text
    assert read(text).screens == layout.screens


def test_the_default_is_what_is_so_without_the_key() -> None:
    layout = edit.set_panel(
        read(TEXT), "train", "loss", options={"smoothing": 0.9, "names": []}, title=""
    )
    text = rewrite(TEXT, layout, CATALOG)
    assert "smoothing" not in text and "[screens.panels.options]" not in text


def test_a_removed_panel_takes_its_own_comments_and_no_others() -> None:
    text = rewrite(TEXT, edit.remove_panel(read(TEXT), "train", "log"), CATALOG)
    assert "builtin:log" not in text and "# inline" not in text
    assert "# between two screens" in text and "# by hand" in text
    text = rewrite(TEXT, edit.remove_panel(read(TEXT), "train", "loss"), CATALOG)
    assert "# before the panel's header" not in text and "# apart from all" in text


def test_screens_move_with_their_comments() -> None:
    layout = edit.move_screen(read(TEXT), "machine", -1)
    text = rewrite(TEXT, layout, CATALOG)
    assert text.index("elsewhere:thing") < text.index("# the first screen") < text.index("# inline")
    gone, came = changed(TEXT, text)
    assert not gone and not came


def test_new_screens_and_panels_are_written_apart() -> None:
    layout, screen_id = edit.add_screen(read(TEXT), "Now", after="train")
    layout, _ = edit.add_panel(layout, screen_id, "builtin:gpu", {"smoothing": 0.5, "names": []})
    text = rewrite(TEXT, layout, CATALOG)
    assert '\n\n[[screens]]\nid = "now"\ntitle = "Now"\n\n[[screens.panels]]\nid = "gpu"\n' in text
    assert read(text).screens == layout.screens
    assert not changed(TEXT, text)[0]


def test_a_title_goes_into_the_head_of_the_file() -> None:
    text = rewrite(TEXT, replace(read(TEXT), title="Ours"), CATALOG)
    assert changed(TEXT, text) == ({'title = "Mine"'}, {'title = "Ours"'})


def test_line_ends_of_the_file_stay() -> None:
    text = rewrite(TEXT.replace("\n", "\r\n"), edit.move_screen(read(TEXT), "train", 1), CATALOG)
    assert text.count("\n") == text.count("\r\n") > 30


def test_a_layout_of_its_own() -> None:
    layout = read(TEXT)
    text = fresh(layout, CATALOG)
    assert text.startswith('version = 1\ntitle = "Mine"\n')
    assert read(text).screens == layout.screens


def test_inline_screens_are_refused_rather_than_written_anew() -> None:
    text = 'version = 1\nscreens = [{ id = "a", panels = [] }] # mine\n'
    with pytest.raises(LayoutWriteError, match="save as"):
        rewrite(text, edit.rename_screen(read(text), "a", "B"), CATALOG)


EDITS = st.lists(
    st.tuples(
        st.sampled_from(("move", "put", "size", "add", "remove", "set", "new", "copy", "order",
                         "name", "delete", "option")),
        st.integers(0, 7), st.integers(0, 11), st.integers(0, 11), st.booleans(),
    ),
    min_size=1, max_size=8,
)  # fmt: skip


def play(layout: LayoutSpec, what: str, n: int, a: int, b: int, narrow: bool) -> LayoutSpec:
    """One random edit."""
    screen = layout.screens[n % len(layout.screens)]
    if what == "new":
        return edit.add_screen(layout, f"S {a}")[0]
    if what == "copy":
        return edit.add_screen(layout, f"C {a}", screen.id, screen.id)[0]
    if what == "order":
        return edit.move_screen(layout, screen.id, 1 if narrow else -1)
    if what == "name":
        return edit.rename_screen(layout, screen.id, f'"{a}" # é')
    if what == "delete":
        return edit.delete_screen(layout, screen.id)
    if what == "add":
        options = {"smoothing": a / 11, "names": ["x"] * (b % 3)}
        return edit.add_panel(layout, screen.id, "builtin:gpu", options)[0]
    if not screen.panels:
        return layout
    panel = screen.panels[a % len(screen.panels)]
    if what == "move":
        return edit.move_panel(layout, screen.id, panel.id, ["left", "right", "up", "down"][b % 4],
                               narrow)  # fmt: skip
    if what == "remove":
        return edit.remove_panel(layout, screen.id, panel.id)
    if what == "set":
        changes = {"title": "T" * (b % 3), "refresh_hz": float(b % 4), "source": "r" * (b % 2)}
        return edit.set_panel(layout, screen.id, panel.id, **changes)
    if what == "option":
        if panel.panel not in CATALOG:
            return layout
        options = {"smoothing": (0.9, 0.25)[b % 2], "names": [["m"], []][b % 2]}
        return edit.set_panel(layout, screen.id, panel.id, options=options)
    at = At(a, b, n % 5 + 1, n % 3 + 1)
    method = edit.put_panel if what == "put" else edit.resize_panel
    return method(layout, screen.id, panel.id, at, narrow)


@settings(max_examples=150, deadline=None)
@given(EDITS)
def test_any_edits_come_back_and_comments_stay(
    edits: list[tuple[str, int, int, int, bool]],
) -> None:
    base = layout = read(TEXT)
    for step in edits:
        try:
            layout = play(layout, *step)
        except EditError:
            continue
    text = rewrite(TEXT, layout, CATALOG)
    assert read(text).screens == layout.screens
    # A second save of the same changes nothing.
    assert rewrite(text, layout, CATALOG) == text
    for comment in ("# about the file", "# of the format", "# apart from all"):
        assert comment in text
    for screen_id, panel_id, comments in (
        ("train", "loss", ["# by hand", "# a place", "# before the panel's header"]),
        ("train", "log", ["# inline", "# between two screens"]),
        ("machine", "far", ["# the end", "{ x = 2 }"]),
    ):
        screen, before = layout.screen(screen_id), base.screen(screen_id)
        assert before is not None
        kept = screen.panel(panel_id) if screen else None
        same = before.panel(panel_id)
        if kept is not None and same is not None and kept.options == same.options:
            assert all(comment in text for comment in comments)
