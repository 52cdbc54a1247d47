"""The plan as a whole: known hours, what is marked exact, and what cannot be planned."""

from __future__ import annotations

from typing import Any

import pytest
from nanochat_host.core.planner import gpus, memory
from nanochat_host.core.planner.architecture import Architecture, Rules
from nanochat_host.core.planner.cpu import Processor, Speed
from nanochat_host.core.planner.gpus import choose_gpu
from nanochat_host.core.planner.inputs import Checkout, inputs_of
from nanochat_host.core.planner.matrix import matrix_of
from nanochat_host.core.planner.plan import make_plan, saves_of
from nanochat_host.core.wire_config import Plan
from pace import cpu_s

LATEST = Checkout()
JANUARY = Checkout(
    Architecture(ve_gate=32, scalars=0, smear=0, counted_smear=False, short=(2, 1)),
    Rules(auto_batch="given", decay="depth"),
)
FEBRUARY = JANUARY._replace(rules=Rules(decay="depth"))
MARCH_4 = JANUARY._replace(rules=Rules())
MARCH_9 = MARCH_4._replace(arch=MARCH_4.arch._replace(ve_gate=12, short=(3, 128)))
MARCH_14 = LATEST._replace(arch=Architecture(counted_smear=False))
BASE: dict[str, Any] = {
    "depth": 24, "max_seq_len": 2048, "window_pattern": "SSSL", "device_batch_size": 16,
    "total_batch_size": -1, "weight_decay": 0.28, "target_param_data_ratio": 12.0,
}  # fmt: skip


def plan(checkout: Checkout = LATEST, *, world: int = 8, **options: Any) -> Plan:
    given = {**BASE, **options}
    return make_plan(given, checkout, vocab=32768, world=world, gpu=gpus.reference())


@pytest.mark.parametrize(
    ("checkout", "options", "steps", "measured_s"),
    [
        (JANUARY, {"total_batch_size": 2**19}, 16704, 10949),
        (
            JANUARY,
            {"depth": 26, "target_param_data_ratio": 8.5, "total_batch_size": 2**19, "fp8": True},
            14889,
            10493,
        ),
        (FEBRUARY, {"depth": 26, "target_param_data_ratio": 8.25, "fp8": True}, 7226, 9922),
        (MARCH_4, {"target_param_data_ratio": 9.5, "fp8": True}, 6612, 7272),
        (MARCH_9, {"target_param_data_ratio": 8.7, "fp8": True}, 6055, 6480),
        (MARCH_14, {"target_param_data_ratio": 8.0, "fp8": True}, 5568, 5940),
    ],
)
def test_hours_of_upstreams_own_runs(
    checkout: Checkout, options: dict[str, Any], steps: int, measured_s: float
) -> None:
    found = plan(checkout, **options)
    assert found.value("num_iterations") == steps
    assert found.value("hours") * 3600 == pytest.approx(measured_s, rel=0.05)


def test_a_plan_is_made_while_a_key_is_held() -> None:
    plan()
    assert cpu_s(lambda: [plan(depth=depth) for depth in range(4, 24)]) / 20 < 0.001


def test_exact_is_what_nanochat_computes() -> None:
    found = {figure.name: figure.exact for figure in plan().figures}
    assert found["params"]
    assert found["num_iterations"]
    assert not found["vram_bytes"]
    assert not found["hours"]
    assert not found["checkpoint_bytes"]
    guess = make_plan(BASE, LATEST, vocab=32768, world=8, gpu=gpus.reference(), vocab_known=False)
    exact = {figure.name for figure in guess.figures if figure.exact}
    assert "params_matrices" in exact
    assert "params" not in exact
    fork = Checkout(Architecture(unknown=("router",)))
    assert not any(figure.exact for figure in plan(fork).figures if figure.name != "saves")
    assert any("router" in line for line in plan(fork).assumptions)


@pytest.mark.parametrize(
    ("depth", "rows", "gib", "fits"),
    [(20, 32, 80, True), (32, 8, 80, True), (32, 32, 80, False), (20, 4, 24, True),
     (24, 32, 80, False), (12, 32, 80, True), (32, 8, 24, False)],
)  # fmt: skip
def test_memory_agrees_with_what_was_seen(depth: int, rows: int, gib: int, fits: bool) -> None:
    shape = inputs_of({**BASE, "depth": depth}, LATEST, 32768, 8).shape
    need = memory.vram_bytes(shape, LATEST.arch, rows, 8)
    assert (need <= memory.USABLE * gib * 2**30) is fits


def test_the_matrix_is_computed_for_every_gpu() -> None:
    rows = matrix_of(BASE, LATEST, vocab=32768, gpus=2)
    assert {row.gpus for row in rows} == {1, 2, 8}
    h100 = {row.gpus: row for row in rows if row.gpu == "H100"}
    assert h100[8].hours == pytest.approx(h100[1].hours / 8)
    assert h100[8].usd == pytest.approx(h100[1].usd)
    deep = matrix_of({**BASE, "depth": 38}, LATEST, vocab=32768)
    assert {row.gpu for row in deep if not row.fits} >= {"RTX 4090", "A100 40GB"}
    assert all(row.usd == 0 for row in deep if not row.fits)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"depth": 0}, "depth"),
        ({"depth": None}, "depth"),
        ({"target_param_data_ratio": -1}, "how long|given"),
        ({"device_batch_size": "many"}, "device_batch_size"),
    ],
)
def test_what_cannot_be_planned_says_why(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        plan(**options)


@pytest.mark.parametrize(
    ("name", "kind"),
    [("NVIDIA H100 80GB HBM3", "H100"), ("NVIDIA GeForce RTX 4090", "RTX 4090"),
     ("NVIDIA A100-SXM4-40GB", "A100 40GB"), ("NVIDIA A100-SXM4-80GB", "A100"), ("h200", "H200")],
)  # fmt: skip
def test_a_drivers_name_finds_its_kind(name: str, kind: str) -> None:
    found = gpus.gpu_named(name)
    assert found is not None
    assert found.name == kind
    assert gpus.gpu_named("") is None
    assert gpus.gpu_named("abacus") is None


@pytest.mark.parametrize(("steps", "every", "saves"), [(100, -1, 1), (100, 20, 5), (101, 20, 6)])
def test_checkpoints_a_run_leaves(steps: int, every: int, saves: int) -> None:
    assert saves_of(steps, every) == saves


def test_a_cpu_is_planned_for_at_the_speed_it_reached() -> None:
    tiny = {**BASE, "depth": 4, "device_batch_size": 1, "num_iterations": 100}
    tiny |= {"total_batch_size": 2048}
    guessed = Processor(2, 16 * 2**30)
    measured = Processor(2, 16 * 2**30, Speed(60e9, "night"))
    slow = make_plan(tiny, LATEST, vocab=4096, world=1, gpu=guessed.kind(), said=guessed.said())
    fast = make_plan(tiny, LATEST, vocab=4096, world=1, gpu=measured.kind(), said=measured.said())
    assert slow.value("hours") == pytest.approx(2 * fast.value("hours"))
    assert fast.value("hours") * 3600 == pytest.approx(fast.value("flops") / 60e9)
    assert "until a run here tells" in slow.assumptions[0]
    assert fast.assumptions[0] == "60 GFLOP/s on this machine's CPU, as the run night reached"
    assert {"usd", "mfu"}.isdisjoint(figure.name for figure in fast.figures)
    assert fast.machine == "this CPU"


def test_processes_on_a_cpu_share_its_speed_and_its_memory() -> None:
    tiny = {**BASE, "depth": 8, "device_batch_size": 8}
    kind = Processor(8, 6 * 2**30, Speed(60e9, "night")).kind()
    one, two = (make_plan(tiny, LATEST, vocab=4096, world=n, gpu=kind) for n in (1, 2))
    assert one.value("hours") == pytest.approx(two.value("hours"))
    assert one.fits
    assert not two.fits
    assert 0 < two.ladder < 8


def test_what_is_planned_for_is_what_is_there() -> None:
    assert choose_gpu("", [], "")[0] is None
    assert choose_gpu("cpu", ["NVIDIA H100"], "")[0] is None
    for asked, here, prefab, name in (
        ("a100", ["NVIDIA H100"], "", "A100"),
        ("", [], "RTX 4090", "RTX 4090"),
        ("", ["NVIDIA H200"], "A100", "H200"),
        ("", [], "A100", "A100"),
        ("", ["GeForce 256"], "", "H100"),
    ):
        kind, _ = choose_gpu(asked, here, prefab)
        assert kind is not None
        assert kind.name == name
