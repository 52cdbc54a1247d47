"""Globs of panels: what they mean, and that they do not stay."""

from __future__ import annotations

import pytest
from nanochat_host.core.telemetry import globs
from nanochat_host.core.telemetry.globs import MAX_GLOBS, means


@pytest.mark.parametrize(
    ("glob", "name", "it_does"),
    [
        ("train/loss", "train/loss", True),
        ("train/*", "train/loss", True),
        ("gpu/*/util", "gpu/0/util", True),
        ("gpu/?/util", "gpu/10/util", False),
        ("[tv]*", "val/bpb", True),
        ("Train/*", "train/loss", False),
        ("a[", "a[", True),
        ("", "a", False),
    ],
)
def test_a_glob_means_what_the_library_says(glob: str, name: str, it_does: bool) -> None:
    assert means(glob, name) is it_does


def test_globs_of_a_panel_that_never_repeats_itself_do_not_pile_up() -> None:
    for number in range(MAX_GLOBS + 200):
        means(f"{number}/*", "train/loss")
    assert globs._compiled.cache_info().currsize == MAX_GLOBS
