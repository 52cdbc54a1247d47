"""Back-off and quarantine, with a clock of our own."""

from __future__ import annotations

import signal

import pytest
from nanochat_host.packs.failure import failure_of_exit
from nanochat_host.packs.policy import MAX_DELAY_S, MAX_FAILURES, WINDOW_S, RetryPolicy


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_waits_double_until_the_fifth_failure_ends_it() -> None:
    policy = RetryPolicy(Clock())
    delays = [policy.failed(violation=False) for _ in range(MAX_FAILURES)]
    assert delays == [0.5, 1.0, 2.0, 4.0, None]


def test_failures_of_long_ago_are_forgotten() -> None:
    clock = Clock()
    policy = RetryPolicy(clock)
    for _ in range(20):
        assert policy.failed(violation=False) == 0.5
        clock.now += WINDOW_S
    for gap in range(4):
        assert policy.failed(violation=False) is not None, gap
    clock.now += WINDOW_S - 1
    assert policy.failed(violation=False) is None


def test_one_violation_is_enough() -> None:
    assert RetryPolicy(Clock()).failed(violation=True) is None


def test_reset_starts_over() -> None:
    policy = RetryPolicy(Clock())
    for _ in range(MAX_FAILURES):
        policy.failed(violation=False)
    policy.reset()
    assert policy.failed(violation=False) == 0.5
    assert MAX_DELAY_S >= 4.0


@pytest.mark.parametrize(
    ("code", "reason", "violation"),
    [
        (0, "exited with code 0", False),
        (3, "exited with code 3", False),
        (70, "the worker itself failed; its log says why", False),
        (71, "out of memory", False),
        (-signal.SIGSEGV, "killed by SIGSEGV", False),
        (-signal.SIGSYS, "killed by SIGSYS: it tried a forbidden system call", True),
        (-signal.SIGXCPU, "killed by SIGXCPU: it used up its processor time", False),
        (-signal.SIGKILL, "killed by SIGKILL: by hand, or the machine ran out of memory", False),
        (-63, "killed by signal 63", False),
    ],
)
def test_an_exit_in_words(code: int, reason: str, violation: bool) -> None:
    failure = failure_of_exit(code)
    assert (failure.reason, failure.violation) == (reason, violation)
