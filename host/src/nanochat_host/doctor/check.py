"""The result of a check, and how all of them are run."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import Literal

import msgspec

from nanochat_host.paths import Paths
from nanochat_host.scrub import scrub

log = logging.getLogger(__name__)
State = Literal["ok", "warn", "off", "fail"]


class Check(msgspec.Struct):
    """area: which layer. state: ok; warn: works with limits; off: absent, and nothing here needs
    it; fail: something a person came for will not work. fix: what to do."""

    area: str
    name: str
    state: State
    detail: str
    fix: str = ""


Probe = Callable[[Paths], Iterable[Check]]


def run_checks(paths: Paths, probes: Iterable[tuple[str, Probe]]) -> list[Check]:
    """Run every probe; one that breaks is itself a finding, never the end of the report."""
    found: list[Check] = []
    for area, probe in probes:
        try:
            found += probe(paths)
        except Exception as error:
            log.exception("doctor probe %s broke", area)
            detail = scrub(f"the check itself failed: {type(error).__name__}: {error}")
            found.append(Check(area, area, "fail", detail, "attach `doctor --report` to a report"))
    return found
