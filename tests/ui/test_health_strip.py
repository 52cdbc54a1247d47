"""The line on how a run and its machine fare."""

from __future__ import annotations

from app_rig import FakeCore, Host, following, make_run, screen_text, until
from ask_core import AskCore
from nanochat_host.core.wire import StreamMessage
from nanochat_host.core.wire_alerts import AlertLimits
from nanochat_host.core.wire_health import HealthPart, Level
from nanochat_host.ui.render.palette import palette_of
from nanochat_host.ui.themes import THEMES
from nanochat_host.ui.widgets.health_strip import HealthStrip, fitting, wording
from rich.cells import cell_len


def part(key: str, label: str, text: str, level: Level = "good") -> HealthPart:
    return HealthPart(key, label, text, level, "why")


PARTS = [
    part("gpu", "GPU 3", "1.2 GiB free", "bad"),
    part("data", "data", "12 %", "warn"),
    part("controller", "controller", "120 ms"),
    part("source:hook", "hook", "live"),
    part("source:log", "log", "stale 40 s", "warn"),
    part("source:wandb", "W&B", "retrying", "warn"),
    part("source:otlp", "OTLP", "off", "off"),
    part("disk", "disk", "77.0 GiB"),
    part("alerts", "alerts", "2", "bad"),
]


def words(width: int, parts: list[HealthPart] = PARTS) -> str:
    return "  ".join(shown.text for shown in fitting(parts, width))


def test_every_state_has_a_sign_beside_its_colour() -> None:
    assert words(200) == (
        "✖ GPU 3 1.2 GiB free  ▲ data 12 %  controller 120 ms  ● hook live  ◐ log stale 40 s  "
        "↻ W&B retrying  ○ OTLP off  disk 77.0 GiB  ✖ 2 alerts"
    )
    assert wording(part("source:log", "log", "ended", "off"), True).text == "○ log"


def test_on_a_narrow_terminal_what_is_not_well_stays() -> None:
    narrow = words(112)
    assert len(narrow) <= 110
    assert "OTLP" not in narrow and "controller" in narrow
    at_80 = words(80)
    assert "disk" not in at_80 and "stale 40 s" in at_80 and "2 alerts" in at_80
    well = [one for one in PARTS if one.level in ("good", "off")]
    assert words(46, well) == "controller 120 ms  ● hook  disk 77.0 GiB"


def test_exactly_as_wide_as_asked() -> None:
    palette = palette_of(THEMES[0])
    for width in (10, 40, 80, 200):
        strip = HealthStrip()
        strip._parts = PARTS
        line = strip.paint(width, palette)
        assert line.cell_length == width == cell_len(line.text)


async def test_it_is_on_the_dashboard_and_painted_on_change_only(
    host: Host, core: FakeCore
) -> None:
    core.run_list = [make_run("one")]
    app = host.app(run="one")
    async with app.run_test(size=(120, 30)) as pilot:
        await until(pilot, lambda: following(core, "one"), "the stream")
        await until(pilot, lambda: app.current_mode == "dashboard", "the dashboard")
        core.say(StreamMessage(rev=1, health=PARTS))
        await until(pilot, lambda: "controller 120 ms" in screen_text(app), "the strip")
        lines = screen_text(app).splitlines()
        assert "data 12 %" in lines[-3] and "dashboard" in lines[-1]
        strip, painted = app.screen.query_one(HealthStrip), []
        refresh = strip.refresh
        strip.refresh = lambda *a, **k: (painted.append(1), refresh(*a, **k))[1]  # type: ignore[method-assign]
        core.say(StreamMessage(rev=2))
        core.say(StreamMessage(rev=3, health=list(PARTS)))
        core.say(StreamMessage(rev=4, gpu="H100"))
        await until(pilot, lambda: "H100" in screen_text(app), "later news")
        assert painted == []
        core.say(StreamMessage(rev=5, health=PARTS[:2]))
        await until(pilot, lambda: painted, "a change")


async def test_a_click_leads_to_the_explanation(host: Host) -> None:
    core = AskCore()
    host.core = core
    core.run_list = [make_run("one")]
    core.answers |= {"GET /v1/alerts": AlertLimits(), "GET /v1/alerts/raised": []}
    app = host.app(run="one")
    async with app.run_test(size=(120, 30)) as pilot:
        await until(pilot, lambda: following(core, "one"), "the stream")
        await until(pilot, lambda: app.current_mode == "dashboard", "the dashboard")
        core.say(StreamMessage(rev=1, health=[part("alerts", "alerts", "2", "bad")]))
        await until(pilot, lambda: "✖ 2 alerts" in screen_text(app), "the strip")
        await pilot.click(HealthStrip, offset=(4, 0))
        await until(pilot, lambda: app.current_mode == "alerts", "the alerts")
