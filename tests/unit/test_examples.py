"""The packs of `examples/`, which the documentation points at, do what they say."""

from __future__ import annotations

from pathlib import Path

import pytest
from nanochat_sdk import Answer, Heatmap
from nanochat_sdk.asks import Fetch, StoreGet, StorePut
from nanochat_sdk.capabilities import parse_permission
from nanochat_sdk.manifest import PackManifest, parse_manifest
from nanochat_sdk.serve import next_asks
from nanochat_sdk.testing import EPOCH, PanelDriver, data, event, fuzz_panel, run_facts, series
from panel_cases import ROOT

EXAMPLES = ROOT / "examples"
PACKS = {"gradient-heat": "layers", "cost-ticker": "cost", "checkpoint-gallery": "gallery"}


def manifest(pack: str) -> PackManifest:
    return parse_manifest((EXAMPLES / pack / "pack.toml").read_bytes())


def driver(pack: str, **options: object) -> PanelDriver:
    return PanelDriver.from_pack(EXAMPLES / pack / "pack.toml", PACKS[pack], dict(options))


@pytest.mark.parametrize("pack", PACKS)
def test_an_example_is_short_and_survives_anything(pack: str) -> None:
    (code,) = (EXAMPLES / pack).glob("*.py")
    assert len(code.read_text().splitlines()) < 150
    panel = driver(pack).panel
    options = vars(panel.options)
    assert fuzz_panel(type(panel), options, manifest(pack).panels[0]) > 100


def test_there_is_no_other() -> None:
    assert {path.name for path in EXAMPLES.iterdir() if path.is_dir()} == set(PACKS)


def test_a_silent_layer_is_named_and_the_loudest_too() -> None:
    panel = driver("gradient-heat")
    steps = [float(10 * n) for n in range(50)]
    loud, silent = [1.0] * 50, [1.0 - n / 50 for n in range(50)]
    silent[-1] = 0.001
    panel.feed(
        data(
            series("grad_norm/block_00", loud, steps),
            series("grad_norm/block_01", silent, steps),
            run=run_facts(),
        )
    )
    text = panel.text(60, 8)
    assert "block_00" in text and "silent: block_01" in text
    (heat,) = panel.parts(60, 8)
    assert isinstance(heat, Heatmap) and heat.rows == ["block_00", "block_01"]
    assert panel.panel.status == "1 silent"


def test_a_run_without_norms_is_told_how_to_have_them() -> None:
    panel = driver("gradient-heat")
    panel.feed(data(run=run_facts()))
    assert "no grad_norm/*" in panel.text(60, 8)


def test_the_ticker_asks_once_keeps_the_rate_and_goes_on_without_the_network() -> None:
    panel = driver("cost-ticker", currency="EUR", cost_per_hour=24.0)
    facts = run_facts(started_at=EPOCH, cost_per_hour=0.0, step=100, num_steps=400)
    later = EPOCH + 1800

    def fed(**answers: Answer) -> list[object]:
        numbered = {int(name[1:]): answer for name, answer in answers.items()}
        panel.feed(data(run=facts, now=later, answers=numbered))
        return [asked.ask for asked in next_asks(panel.panel)]

    assert fed() == [StoreGet("rate-EUR")]
    (page,) = fed(n1=Answer("missing"))
    assert isinstance(page, Fetch) and page.url.startswith("https://api.frankfurter.dev/")
    assert "$12" in panel.text(60, 4) and "EUR" not in panel.text(60, 4)
    asked = fed(n2=Answer("ok", value=b'{"rates": {"EUR": 0.5}}', code=200))
    assert asked == [StorePut("rate-EUR", b"0.5")]
    assert "(6.00 EUR)" in panel.text(60, 4) and "$48" in panel.text(60, 4)
    assert fed() == [], "not again for hours"
    declared = [str(parse_permission(p)) for p in manifest("cost-ticker").panels[0].capabilities]
    assert declared == ["net:api.frankfurter.dev:443", "store:kv"]


def test_the_gallery_marks_the_best_and_asks_for_another() -> None:
    panel = driver("checkpoint-gallery")
    saved = [
        event("checkpoint", step, ok=True, files={"model": 1_500_000}, dir="base")
        for step in (100, 200, 300)
    ]
    losses = series("val/bpb", [2.0, 1.5, 1.7], [100.0, 200.0, 300.0])
    panel.feed(data(losses, run=run_facts(state="running"), events=saved))
    lines = panel.text(80, 8).splitlines()
    assert [line.strip()[:1] for line in lines[1:4]] == ["3", "★", "1"]
    panel.press("c")
    assert [act.action for act in panel.acts()] == ["save"]
    panel.press("b")
    assert panel.panel._selected == 1  # type: ignore[attr-defined]


@pytest.mark.parametrize("pack", PACKS)
def test_its_pictures_are_kept(pack: str) -> None:
    pictures = list(Path(EXAMPLES / pack / "golden").glob("*.txt"))
    assert len(pictures) == 3
