"""The report card on the screen."""

from __future__ import annotations

import pytest
from app_rig import Host, make_run, screen_text, until
from ask_core import AskCore
from nanochat_host.core.wire import CheckoutRef
from nanochat_host.core.wire_checkpoints import CardEntry, CoreRow, CoreTable, ReportCard
from nanochat_host.ui import card_view
from nanochat_host.ui.controls.row_list import RowList
from nanochat_host.ui.screens.choose import ChooseScreen


def entry(stage: str, measure: str, value: float, tag: str = "d4") -> CardEntry:
    return CardEntry(stage, tag, 100, measure, value, "log", f"run {stage}\x1b[31m", 1000.0)


CARD = ReportCard(
    "fork",
    [],
    [CoreTable("base_model_000100.csv", 100, 0.2, [CoreRow("toy", 0.5, None)], ["base/d4/000100"])],
    [entry("base", "CORE", 0.2), entry("base", "val bpb", 0.8), entry("sft", "MMLU", 0.3),
     entry("rl", "MMLU", 0.4), entry("sft", "val bpb", 0.7)],
)  # fmt: skip


@pytest.fixture
def core() -> AskCore:
    core = AskCore()
    core.checkout_list.append(CheckoutRef(name="fork", path="/fork"))
    core.run_list = [make_run("one", checkout="fork")]
    core.answers["GET /v1/checkpoints/report"] = CARD
    return core


async def test_measures_across_stages_and_where_each_is_from(host: Host, core: AskCore) -> None:
    app = host.app(run="one")
    async with app.run_test(size=(120, 30)) as pilot:
        await until(pilot, lambda: app.model.run_id == "one", "the run on show")
        await app.action_show("card")
        await until(pilot, lambda: "base d4" in screen_text(app), "the card")
        assert core.asked[-1].path.endswith("checkout=fork"), "of the run's checkout"
        rows = app.screen.query_one("#card", RowList)
        shown = {row.key: [cell[0] for cell in row.cells] for row in rows.rows}
        assert shown["measure:MMLU"] == ["MMLU", "-", "0.3000", "0.4000"]
        assert [cell[1] for row in rows.rows if row.key == "measure:val bpb" for cell in row.cells][
            2
        ] == "accent", "less is better"
        rows.select("measure:MMLU")
        await until(pilot, lambda: "rl d4 0.4000: log run rl" in screen_text(app), "origins")
        text = screen_text(app)
        assert "\x1b" not in text and "base_model_000100.csv, of base/d4/000100" in text


async def test_another_checkout_and_none_evaluated(host: Host, core: AskCore) -> None:
    app = host.app(run="one")
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: app.model.run_id == "one", "the run on show")
        await app.action_show("card")
        await until(pilot, lambda: "base d4" in screen_text(app), "the card")
        core.answers["GET /v1/checkpoints/report"] = ReportCard("tiny", [])
        await pilot.press("c")
        await until(pilot, lambda: isinstance(app.screen, ChooseScreen), "the chooser")
        await pilot.press(*"tiny", "enter")
        await until(pilot, lambda: "nothing was evaluated in tiny" in screen_text(app), "none")
        assert core.asked[-1].path.endswith("checkout=tiny")


def test_models_that_do_not_fit_are_said() -> None:
    many = ReportCard("x", [], [], [entry("base", "CORE", 0.1, f"d{n}") for n in range(9)])
    assert any("5 more models" in row.cells[0][0] for row in card_view.rows(many, 84) if row.cells)
    assert not any("more models" in row.cells[0][0] for row in card_view.rows(many, 200))
