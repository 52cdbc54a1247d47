"""What all tests share: those that train are left out, and say so, where there is no torch."""

from __future__ import annotations

import importlib.util

import hypothesis  # before any thread is: else its plugin does so in the summary
import pytest

# The same examples every time, on a slow machine too: what fails, fails for whoever looks into it.
hypothesis.settings.register_profile(
    "steady",
    deadline=None,
    derandomize=True,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("steady")
HAS_TORCH = importlib.util.find_spec("torch") is not None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if HAS_TORCH:
        return
    skip = pytest.mark.skip(reason="torch is not installed here (the `train` extra)")
    for item in items:
        if item.get_closest_marker("torch"):
            item.add_marker(skip)
