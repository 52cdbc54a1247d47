"""Nothing a run could send makes a panel of the MegaContext pack raise, at any size."""

from __future__ import annotations

from typing import Any

import pytest
from mc_cases import PANELS, driver, span
from nanochat_sdk import Data, Event
from nanochat_sdk.hostile import NUMBERS, ODD, TEXTS
from nanochat_sdk.testing import EPOCH, FUZZ_SIZES, data, fuzz_panel, points, run_facts, series

KEYS = (
    "mc.lods", "mc.positions", "mc.tag", "mc.num_expand", "mc.num_collapse", "mc.wc_length",
    "mc.swap_rate", "mc.utilization", "mc.residency_mean", "mc.residency_p95", "mc.score_mean",
    "mc.score_std", "mc.score_min", "mc.score_max", "mc.allocator_calls", "mc.session_id", "rows",
    "label", "step",
)  # fmt: skip
SPANS = ("focus_allocator", "lensnet_usage", "working_context_snapshot", "lod_ascii")
METRICS = (
    "adv_delta_mean", "adv_delta_p95", "lod_loss/0", "lod_loss/1", "lod_loss/999", "lod_loss/²",
    "lod_delta/2", "lod_count/0", "lod_count/1", "total_ms", "build_ms", "variant_ms", "other_ms",
    "lens_ms", "lens_loss", "preference_pair_count", "preference_corr_mean", "preference_missing",
    "preference_agreement", "lens_calls", "gist_calls", "swap_per_entry", "utilization",
    "wc_entries", "last_position", "variants_total", "variant_fallbacks", "base_forward_ms",
)  # fmt: skip
SNAPSHOTS: tuple[tuple[Any, Any], ...] = (
    ("[0, 1, 2]", "[0, 1, 5]"), ("[0]", "[]"), ("[", "["), ("[0, 1", "[0, 1"), ("[9,9]", "[0,1]"),
    ("[0,0]", "[5,5]"), ("[0,0]", "[5,1]"), ("[-3,0]", "[-9,0]"), ("[1,1]", "[0,999999999999]"),
    ("[0.5]", "[1e9]"), (str([0] * 70_001), str(list(range(70_001)))),
    ([0, 1], [0, 9]), ([0, True], [0, 1]), ([0, 2**70], [0, 2**70]), ("[２]", "[³]"),
    ("1_0", "1_0"), (None, 3), ({}, {}),
)  # fmt: skip
ROWS: tuple[Any, ...] = (
    [], [{}], [{"row": ""}], [{"row": "." * 70_000, "wc": 1, "sample": 0}],
    [{"row": "| ═|", "wc": "x"}], [{"row": "|  ", "wc": None}],
    [{"row": "abc"}], [{"row": 7}], "rows", [None, 3], {"row": "."},
    [{"row": "X" * 9, "wc": 10**30, "sample": [], "source": TEXTS[3]}] * 300,
)  # fmt: skip


def check(panel_id: str, sent: Data) -> None:
    panel = driver(panel_id)
    for size in FUZZ_SIZES:
        panel.feed(sent)
        assert len(panel.text(*size).splitlines()) <= size.height
    for help_ in panel.panel.keys:
        panel.press(help_.key)
        panel.text(80, 20)


@pytest.mark.parametrize("panel_id", PANELS)
def test_what_every_panel_must_bear(panel_id: str) -> None:
    built = driver(panel_id)
    assert fuzz_panel(type(built.panel), {}, built.manifest) > 40 * len(FUZZ_SIZES)


@pytest.mark.parametrize("panel_id", PANELS)
def test_odd_attributes_metrics_and_options(panel_id: str) -> None:
    for index, odd in enumerate((*ODD, *TEXTS)):
        number = NUMBERS[index % len(NUMBERS)]
        events = [
            span(name, EPOCH + i + n / 10, **dict.fromkeys(KEYS, odd))
            for n, name in enumerate(SPANS)
            for i in range(3)
        ]
        events += [Event(ts=float(number), kind="span", fields={"name": name}) for name in SPANS]
        sent = data(
            *(series(f"mc/{name}", [float(number)] * 9) for name in METRICS),
            run=run_facts(sources={"otlp": "live"}),
            latest=points(**{f"mc/{n}": float(number) for n in METRICS}, train__dt=float(number)),
            events=events,
            config=dict.fromkeys(
                ("mc_enabled", "mc_log_timers", "block_size", "allocator_recent_tokens",
                 "allocator_soft_max", "mc_infer_refocus_interval", "allocator_iterations"), odd,
            ),
        )  # fmt: skip
        check(panel_id, sent)


@pytest.mark.parametrize("lods, positions", SNAPSHOTS)
def test_snapshots_that_are_none(lods: Any, positions: Any) -> None:
    told = {"mc.lods": lods, "mc.positions": positions}
    events = [span("working_context_snapshot", EPOCH, **told)]
    check("lod", data(run=run_facts(), events=events))


@pytest.mark.parametrize("rows", ROWS)
def test_logged_rows_that_are_none(rows: Any) -> None:
    check(
        "lod", data(run=run_facts(), events=[span("lod_ascii", EPOCH, rows=rows, label=TEXTS[4])])
    )
