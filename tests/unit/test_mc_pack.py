"""What the MegaContext pack declares, as the core applies it; nothing is left when it is gone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from mc_cases import CAPTURES, PACK, ROOT, Core, manifest
from nanochat_host.core.telemetry.metrics import spec, use_declared
from nanochat_sdk import Needs, SeriesQuery
from nanochat_sdk.manifest import read_declarations
from nanochat_sdk.template import compile_template

DECLARED = read_declarations(manifest(), PACK.parent)


@pytest.fixture(scope="module")
def cores() -> Iterator[tuple[Core, Core]]:
    with_pack = Core(("train", "infer"), "train.txt")
    without = Core(("train", "infer"), "train.txt", pack=False)
    yield with_pack, without
    use_declared(())
    for core in (with_pack, without):
        core.close()


def series(core: Core, *metrics: str) -> dict[str, Any]:
    needs = Needs(series=tuple(SeriesQuery(metric, 2048) for metric in metrics))
    return core.answer(needs, ["metrics:read"]).series


def test_spans_and_lines_become_the_fork_s_own_metrics(cores: tuple[Core, Core]) -> None:
    found = series(cores[0], "mc/adv_delta_mean", "mc/lod_loss/1", "mc/lod_count/0", "mc/total_ms")
    means = {name: each.means() for name, each in found.items()}
    assert means["mc/adv_delta_mean"][10] == pytest.approx(2.69096, abs=1e-4)
    assert means["mc/lod_loss/1"][20] == pytest.approx(6.69095, abs=1e-4)
    assert means["mc/lod_count/0"][0] == 2692
    # The line stands before its step's: its step is the next one.
    assert found["mc/total_ms"].xs()[0] == 0
    assert means["mc/total_ms"][0] == pytest.approx(945.13)


def test_inference_is_counted_and_leaves_the_run_s_step_alone(cores: tuple[Core, Core]) -> None:
    found = series(cores[0], "mc/wc_entries", "mc/last_position")
    assert found["mc/wc_entries"].total == 48
    assert found["mc/last_position"].means()[-1] == 863
    assert cores[0].hub.facts("captured").step == cores[1].hub.facts("captured").step == 10


def test_with_the_pack_removed_nothing_else_changes(cores: tuple[Core, Core]) -> None:
    """Every metric, fact and event of the run is as it was, but for the pack's own."""
    with_pack, without = cores
    mine = {info.name for info in with_pack.hub.metrics("captured")}
    bare = {info.name for info in without.hub.metrics("captured")}
    assert {name for name in mine - bare if not name.startswith("mc/")} == set()
    assert {name for name in bare if name.startswith("mc/")} == set()
    assert len(mine - bare) > 30
    shared = tuple(sorted(bare))
    assert msgspec.to_builtins(series(with_pack, *shared)) == msgspec.to_builtins(
        series(without, *shared)
    )
    facts = [core.hub.facts("captured") for core in cores]
    assert (facts[0].step, facts[0].num_steps, facts[0].loss) == (
        facts[1].step, facts[1].num_steps, facts[1].loss,
    )  # fmt: skip
    kinds = ("sample", "checkpoint", "state", "alert")
    events = [
        core.answer(Needs(events=kinds), ["events:read", "samples:read"]).events for core in cores
    ]
    assert events[0] == events[1]


def test_units_are_the_pack_s_while_it_is_there() -> None:
    core = Core(("quiet",))
    try:
        assert (
            spec("mc/lod_loss/1").help
            == "Loss of tokens whose context lies at this level of detail."
        )
        assert spec("mc/utilization").help
    finally:
        use_declared(())
        core.close()
    assert not spec("mc/utilization").help


@pytest.mark.parametrize("name", ["train.txt", "livelock.txt"])
def test_every_line_of_the_controller_is_understood(name: str) -> None:
    """What begins as the controller's lines do fits a template of the pack, but for two that say
    nothing."""
    alerts = [alert.log for alert in DECLARED.alerts if alert.log]
    lines = [compile_template(log.line) for log in DECLARED.telemetry.logs]
    rows = [compile_template(row) for log in DECLARED.telemetry.logs for row in log.rows]
    templates = [*lines, *rows, *map(compile_template, alerts)]
    silent = ("[MC Train]", "   📜", "   🧩", "   🧮")
    heads = ("[MC", "[Model", "[MegaContext]", "   ", "  sample")
    for line in (CAPTURES / name).read_text().splitlines():
        if line.strip() and line.startswith(heads) and not line.startswith(silent):
            assert any(template.match(line.rstrip()) for template in templates), line


def test_a_controller_error_is_seen() -> None:
    alert = next(alert for alert in DECLARED.alerts if alert.id == "controller-error")
    line = "[MegaContext] controller error at step 12: coverage mismatch: 3 != 4"
    assert compile_template(alert.log).match(line) == {
        "step": 12,
        "what": "coverage mismatch: 3 != 4",
    }


def test_every_option_of_the_fork_s_controller_has_a_group_and_a_range() -> None:
    groups = [glob for category in DECLARED.config.categories for glob in category.options]
    for flag in DECLARED.launch.flags:
        assert any(Path(flag.option).match(glob) for glob in groups), flag.option
        assert flag.values is not None or flag.min is not None or flag.max is not None, flag.option
        assert flag.help


def test_the_folder_carries_all_it_names() -> None:
    for item in (*DECLARED.layouts, *DECLARED.prefabs):
        assert (PACK.parent / item.file).is_file()
    text = (ROOT / "mc_plugin/README.md").read_text()
    for panel in manifest().panels:
        assert f"`{panel.id}`" in text
