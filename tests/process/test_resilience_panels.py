"""Panels that hang, flood, crash and lie on a real screen: each spoils its own frame, no more."""

from __future__ import annotations

import re
import statistics
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from core_rig import until
from resilience_rig import FIXTURE_PACKS, STEP, Live, all_gone, family, live_run, shown_step
from tui_rig import Terminal, ended

BAD = {
    "hang": ("hang", "", "did not answer within"),
    "crash": ("crash", "", "KeyError"),
    "chatty": ("chatty", "", "did not answer within"),
    "exit": ("exit", 'how = "segv"', "killed by SIGSEGV"),
    "flood": ("liar", 'lie = "flood"', "answered more than once"),
    "garbage": ("liar", 'lie = "garbage"', "sent a malformed message"),
    "evil": ("evil-text", "", "]52;c;cm0gLXJm"),
}
"""Title: panel of the fixture pack, its option, and what its frame must say."""
KEY_LIMIT_S = 0.5
TIMES_CALM = 4
"""On a machine so busy that a well-behaved screen is slow, so many times what that takes; a key
that waited for a panel would wait for its deadline, which is seconds."""
LOOK_S, MOST_S = 4.0, 40.0
"""Seconds of looking, and those after which a panel that did not move does not."""


def write_layout(path: Path) -> Path:
    """Progress above, the misbehaving ones below."""
    text = """version = 1
title = "Bad company"

[[screens]]
id = "all"
title = "All"

[[screens.panels]]
id = "progress"
panel = "builtin:progress"
at = [0, 0, 12, 3]
"""
    for place, (title, (panel, option, _)) in enumerate(BAD.items()):
        column, row = place % 4 * 3, 3 + place // 4 * 4
        text += f"""
[[screens.panels]]
id = "{title}"
panel = "fixture:{panel}"
title = "{title}"
at = [{column}, {row}, 3, 4]
"""
        text += f"[screens.panels.options]\n{option}\n" if option else ""
    path.write_text(text)
    return path


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with live_run(tmp_path_factory.mktemp("live")) as live:
        yield live


@pytest.fixture(scope="module")
def bad(live: Live) -> Terminal:
    """All of them on one screen."""
    layout = write_layout(live.rig.folder / "bad.toml")
    packs = {"NANOCHAT_CLI_PACKS": str(FIXTURE_PACKS)}
    return live.rig.open("--run", "last", "--layout", str(layout), size=(160, 48), **packs)


def frame(tui: Terminal, title: str) -> str:
    """What is inside the lines of the panel of that title, and on its top line."""
    tui.drain()
    rows = tui.text.splitlines()
    for y, row in enumerate(rows):
        if found := re.search(rf"╭─ {title} .*?╮", row):
            left, right = found.span()
            body = [found[0]]
            for below in rows[y + 1 :]:
                body.append(below[left:right])
                if below[left] == "╰":
                    break
            return "\n".join(body)
    return ""


@pytest.mark.parametrize("title", BAD)
def test_its_own_frame_says_why(bad: Terminal, title: str) -> None:
    bad.wait_for(STEP)
    reason = BAD[title][2]
    spoken = re.compile(re.escape(reason).replace(r"\ ", r"[\s│]+"))
    try:
        until(lambda: spoken.search(frame(bad, title)), f"{title} says {reason}")
    except AssertionError as error:
        raise AssertionError(f"{error}; screen:\n{bad.text}") from None
    others = [other for other in BAD if BAD[other][2] != reason]
    for other in others:
        assert not spoken.search(frame(bad, other)), f"{other} says what befell {title}"
    assert not spoken.search(frame(bad, "Progress"))


def test_text_of_a_panel_is_never_obeyed(bad: Terminal) -> None:
    until(lambda: "endpl" in frame(bad, "evil"), "its text is shown as text")
    assert "\x1b" not in bad.text and "\u202e" not in bad.text
    assert "owned" not in bad.screen.title


def test_the_honest_panel_goes_on_and_keys_stay_quick(live: Live, bad: Terminal) -> None:
    first, waits, calm, seen = shown_step(bad), [], [], set()
    began = time.monotonic()
    while (passed_s := time.monotonic() - began) < LOOK_S or (len(seen) < 3 and passed_s < MOST_S):
        waits.append(focus_moves(bad))
        seen.add(shown_step(bad))
        bad.drain(0.05)
        calm.append(focus_moves(live.tui))
    limit_s = max(KEY_LIMIT_S, TIMES_CALM * statistics.median(calm))
    assert statistics.median(waits) < limit_s, (calm, waits)
    assert len(seen) >= 3 and max(seen) > first, "the progress panel moves"
    assert "core up" in bad.text.splitlines()[-1]


def focus_moves(tui: Terminal) -> float:
    """Seconds from Tab until another frame has the colour of the focus."""
    tui.drain()
    before = frame_colours(tui)
    pressed = tui.press("\t")
    until(lambda: tui.drain(0.002) or frame_colours(tui) != before, "the focus moves")
    return time.perf_counter() - pressed


def frame_colours(tui: Terminal) -> list[str]:
    """The colour of each frame's corner that is in view."""
    return [
        tui.screen.buffer[y][x].fg
        for y, row in enumerate(tui.text.splitlines())
        for x, char in enumerate(row)
        if char == "╭"
    ]


def test_closing_ends_even_those_that_hang(bad: Terminal) -> None:
    zygotes, workers = family(bad)
    bad.press("q")
    assert ended(bad) == 0
    all_gone([*zygotes, *workers])
