"""Budgets of packs, with a clock and samples that are given."""

from __future__ import annotations

from nanochat_host.packs.budget import MIB, Budget, Excess, Meter
from nanochat_host.packs.proc_stats import Usage

BUDGET = Budget(cores=0.5, memory_bytes=100 * MIB, window_s=10)


def used(cpu_s: float, mib: int = 10) -> Usage:
    return Usage(mib * MIB, mib * MIB, cpu_s)


def test_a_busy_moment_is_allowed_and_a_busy_window_is_not() -> None:
    meter = Meter(BUDGET)
    assert meter.excess(0, {1: used(0)}) is None
    assert meter.excess(1, {1: used(1)}) is None  # a whole core, for a second
    assert meter.excess(10, {1: used(5)}) is None  # half a core on average: just within
    found = meter.excess(20, {1: used(11)})
    assert found == Excess(1, "used 0.6 cores for 10 s; its pack may use 0.5")


def test_the_panels_of_a_pack_share_its_budget_and_the_hungriest_goes() -> None:
    meter = Meter(BUDGET)
    assert meter.excess(0, {1: used(0), 2: used(0)}) is None
    found = meter.excess(10, {1: used(2), 2: used(4)})
    assert found is not None and found.pid == 2
    # Judged anew: the one that is left does not pay for the other.
    assert meter.excess(11, {1: used(2.3)}) is None


def test_a_worker_that_came_later_counts_from_its_birth() -> None:
    meter = Meter(BUDGET)
    meter.excess(0, {1: used(100)})
    assert meter.excess(10, {1: used(100), 2: used(4)}) is None
    assert Meter(BUDGET).excess(0, {1: used(1000)}) is None


def test_memory_is_looked_at_at_once() -> None:
    found = Meter(BUDGET).excess(0, {1: used(0, 30), 2: used(0, 90)})
    assert found == Excess(2, "used 120 MiB of memory; its pack may use 100 MiB")
