"""The packs screen: what it lists, what it asks, and that a running dashboard follows."""

from __future__ import annotations

from pathlib import Path

import pytest
from app_rig import FakeCore, Host, screen_text, toasts, until
from nanochat_host.installed import read_installed
from nanochat_host.packs import grants
from nanochat_host.packs.install.offer import offer
from nanochat_host.packs.state import PanelState
from nanochat_host.paths import Paths
from nanochat_host.ui.app import NanochatApp
from nanochat_host.ui.controls.row_list import RowList
from nanochat_host.ui.screens.confirm import ConfirmScreen
from nanochat_host.ui.screens.consent import ConsentScreen
from nanochat_host.ui.screens.packs import PacksScreen
from nanochat_host.ui.widgets.panel_view import PanelView
from pack_rig import make_pack

LAYOUT = """version = 1
title = "Mine"
[[screens]]
id = "one"
title = "One"
[[screens.panels]]
id = "heat"
panel = "heat:map"
at = [0, 0, 6, 12]
[[screens.panels]]
id = "loss"
panel = "builtin:loss"
at = [6, 0, 6, 12]
"""


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return make_pack(tmp_path / "heat")


def install(paths: Paths, source: Path) -> None:
    with offer(paths, source) as found:
        grants.accept(paths, found)


def listed(app: NanochatApp) -> str:
    return screen_text(app) if isinstance(app.screen, PacksScreen) else ""


def heat(app: NanochatApp) -> PanelView:
    assert app.dashboard is not None
    return next(v for v in app.dashboard.query(PanelView) if v.placement.id == "heat")


async def test_a_pack_is_installed_from_the_screen_by_consent(
    host: Host, core: FakeCore, source: Path
) -> None:
    app = host.app()
    async with app.run_test(size=(120, 40)) as pilot:
        await app.action_show("packs")
        await until(pilot, lambda: "Built-in panels" in listed(app), "the list")
        assert "i installs a folder" in listed(app)
        for answer, installed in (("enter", False), ("escape", False), ("y", True)):
            await pilot.press("i", *str(source), "enter")
            await until(pilot, lambda: isinstance(app.screen, ConsentScreen), "the question")
            await until(
                pilot, lambda: "Read what the training program" in screen_text(app), "sentences"
            )
            assert "Install Heat (heat 1.0)?" in screen_text(app)
            await pilot.press(answer)
            await until(pilot, lambda: isinstance(app.screen, PacksScreen), "the list again")
            if installed:
                await until(pilot, lambda: "Heat (heat)" in listed(app), "the pack")
            assert (read_installed(host.paths).packs.keys() == {"heat"}) is installed
        assert "✓" in listed(app)


async def test_what_cannot_be_installed_is_told_in_a_line(
    host: Host, core: FakeCore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    app = host.app()
    async with app.run_test(size=(120, 40)) as pilot:
        await app.action_show("packs")
        await until(pilot, lambda: "Built-in panels" in listed(app), "the list")
        await pilot.press("i", *"~/nothing.whl", "enter")
        why = f"{tmp_path / 'nothing.whl'}: No such file"
        await until(pilot, lambda: any(why in text for text in toasts(app)), "why")
        assert isinstance(app.screen, PacksScreen)


async def test_a_running_dashboard_follows_what_is_granted(
    host: Host, core: FakeCore, source: Path, tmp_path: Path
) -> None:
    (tmp_path / "mine.toml").write_text(LAYOUT)
    app = host.app(layout=str(tmp_path / "mine.toml"))
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: app.dashboard is not None, "the dashboard")
        await until(pilot, lambda: "heat is not installed" in screen_text(app), "a placeholder")
        loss = next(v for v in app.screen.query(PanelView) if v.placement.id == "loss")
        await until(pilot, lambda: loss.process is not None, "the panel beside it")
        beside = loss.process
        # As another terminal would: the dashboard sees it by itself.
        install(host.paths, source)
        await until(pilot, lambda: "heat says hello" in screen_text(app), "the panel")
        first = heat(app).process
        assert first is not None
        assert first.granted == {"metrics:read", "logs:read"}
        assert loss.process is beside, "the panel beside it did not notice"

        await app.action_show("packs")
        await until(pilot, lambda: "Heat (heat)" in listed(app), "the pack")
        await until(pilot, lambda: "/512 MiB" in listed(app), "its memory against the budget")
        rows = app.screen.query_one("#packs", RowList)
        rows.select("heat permission logs:read")
        await pilot.press("enter")
        await until(pilot, lambda: "(denied)" in listed(app), "the permission is gone")
        await until(pilot, lambda: heat(app).process not in (None, first), "another worker")
        second = heat(app).process
        assert second is not None and second.granted == {"metrics:read"}

        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, ConfirmScreen), "a question")
        await pilot.press("y")
        await until(pilot, lambda: isinstance(app.screen, PacksScreen), "the list again")
        await until(pilot, lambda: "(denied)" not in listed(app), "granted again")

        await pilot.press("space")
        await until(pilot, lambda: "disabled" in listed(app), "the pack rests")
        await until(pilot, lambda: heat(app).entry is None, "its panel is gone")
        await pilot.press("e")
        await until(pilot, lambda: heat(app).entry is not None, "its panel is back")

        await pilot.press("delete")
        await until(pilot, lambda: isinstance(app.screen, ConfirmScreen), "a question")
        await pilot.press("y")
        await until(pilot, lambda: isinstance(app.screen, PacksScreen), "the list again")
        await until(pilot, lambda: "heat" not in listed(app), "the pack is gone")
        assert read_installed(host.paths).packs == {}
        await until(pilot, lambda: heat(app).entry is None, "its panel is gone")


async def test_a_stopped_panel_is_listed_with_why_and_released(
    host: Host, core: FakeCore, source: Path, tmp_path: Path
) -> None:
    install(host.paths, source)
    record = read_installed(host.paths).packs["heat"]
    panel_file = record.place(host.paths) / "panel.py"
    whole = panel_file.read_text()
    panel_file.chmod(0o600)
    panel_file.write_text(whole + "#")
    (tmp_path / "mine.toml").write_text(LAYOUT)
    app = host.app(layout=str(tmp_path / "mine.toml"))
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: "changed since you agreed" in screen_text(app), "the reason")
        await app.action_show("packs")
        await until(pilot, lambda: "heat:map was stopped: its files" in listed(app), "the line")
        panel_file.write_text(whole)
        rows = app.screen.query_one("#packs", RowList)
        rows.select("heat stopped heat:map")
        await pilot.press("enter")
        process = heat(app).process
        assert process is not None
        await until(pilot, lambda: process.state is PanelState.LIVE, "it runs")
        await until(pilot, lambda: "was stopped" not in listed(app), "no such line")


async def test_errors_are_listed_below_the_packs(host: Host, core: FakeCore, source: Path) -> None:
    install(host.paths, source)
    file = host.paths.packs_json
    file.write_text(file.read_text().replace("logs:read", "logs:\\u001b[31m"))
    app = host.app()
    async with app.run_test(size=(120, 40)) as pilot:
        await app.action_show("packs")
        await until(pilot, lambda: "pack `heat`" in listed(app), "the error")
        assert "correct it there" in listed(app)
        assert "\x1b" not in listed(app)
        await pilot.press("escape")
        await until(pilot, lambda: app.current_mode == "home", "back home")


async def test_a_pack_whose_files_changed_is_marked(
    host: Host, core: FakeCore, source: Path
) -> None:
    install(host.paths, source)
    app = host.app()
    async with app.run_test(size=(120, 40)) as pilot:
        await app.action_show("packs")
        await until(pilot, lambda: "Heat (heat)" in listed(app), "the list")
        assert "changed" not in listed(app)
        await app.action_show("home")
        panel = next((host.paths.home / "packs/store").glob("*/pack/panel.py"))
        panel.chmod(0o600)
        panel.write_text(panel.read_text() + "#")
        await app.action_show("packs")
        told = "its files have changed since you agreed to them; install it again or remove it"
        await until(pilot, lambda: told in listed(app), "what is wrong")
