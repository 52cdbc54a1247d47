"""What of packs' declarations does not count, and why: for `pack list` and `doctor`."""

from __future__ import annotations

from nanochat_host.core.telemetry.mappings import compile_mappings
from nanochat_host.declaring import read_declaring
from nanochat_host.paths import Paths


def declared_problems(paths: Paths) -> dict[str, str]:
    """One line for each pack that has a problem. What makes a whole pack unusable is left to the
    catalog of panels."""
    packs = read_declaring(paths)
    _, lost = compile_mappings([(p.id, p.declared) for p in packs if not p.problem])
    return lost | {p.id: p.problem for p in packs if p.problem and not p.unusable}
