"""A picture of the screen, from the palette's command."""

from __future__ import annotations

from app_rig import Host, toasts, until
from nanochat_host.ui.screenshot import save_screenshot, take_screenshot


async def test_a_screenshot_holds_what_is_seen(host: Host) -> None:
    app = host.app()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        path = save_screenshot(app)
        assert path.parent == host.paths.screenshots
        text = path.read_text()
        assert text.startswith("<svg")
        assert "What&#160;next" in text


async def test_a_file_in_the_way_is_said(host: Host) -> None:
    app = host.app()
    async with app.run_test(size=(80, 24)) as pilot:
        host.paths.home.mkdir(parents=True, exist_ok=True)
        host.paths.screenshots.write_text("a file in the way")
        take_screenshot(app)
        await until(pilot, lambda: toasts(app), "a toast")
        assert any("no screenshot" in text for text in toasts(app))
