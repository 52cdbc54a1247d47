"""What packs declare about telemetry and alerts, applied to all runs and kept up to date."""

from __future__ import annotations

import asyncio
import logging

from nanochat_sdk.declare import Declarations, Launch

from nanochat_host.core.telemetry.hub import TelemetryHub
from nanochat_host.core.telemetry.mappings import compile_mappings
from nanochat_host.core.telemetry.rules_packs import pack_rules
from nanochat_host.core.wire_declared import DeclaredPack, PackAlert
from nanochat_host.declaring import Declaring, DeclaringPack
from nanochat_host.paths import Paths

logger = logging.getLogger(__name__)


class Declared:
    """Owned by the core. Packs that are installed, removed or edited count at the next `look`."""

    def __init__(self, paths: Paths, hub: TelemetryHub) -> None:
        self._declaring, self._hub = Declaring(paths), hub
        self._packs: list[DeclaringPack] = []
        self._lost: dict[str, str] = {}
        self._take(self._declaring.packs())

    async def look(self) -> None:
        """Take up what has changed. What is wrong costs one line in the log, once."""
        self._take(await asyncio.to_thread(self._declaring.packs))

    def _take(self, packs: list[DeclaringPack]) -> None:
        if packs is self._packs:
            return  # as it was
        self._packs = packs
        self._lost = apply_declared(self._hub, packs)
        for pack in packs:
            if problem := pack.problem or self._lost.get(pack.id, ""):
                logger.warning("pack %s: %s", pack.id, problem)

    def packs(self) -> list[DeclaredPack]:
        """What each enabled pack declares, and what of it does not count."""
        return [
            DeclaredPack(
                id=pack.id, folder=str(pack.folder), **_counts(pack.declared),
                problem=pack.problem or self._lost.get(pack.id, ""),
            )
            for pack in self._packs
        ]  # fmt: skip

    def launches(self) -> list[Launch]:
        """What they declare about starting stages."""
        return [pack.declared.launch for pack in self._packs if not pack.problem]

    def alerts(self) -> list[PackAlert]:
        """The packs' rules, with the person's values."""
        limits = self._hub.limits
        return [
            PackAlert(
                rule=rule.name, pack=rule.pack, condition=rule.condition, title=rule.about.title,
                severity=rule.about.severity, hint=rule.about.hint,
                value=None if rule.about.log else limits.packs.get(rule.name, rule.about.value),
                default=None if rule.about.log else rule.about.value, off=rule.name in limits.off,
            )
            for rule in self._hub.pack_rules
        ]  # fmt: skip


def apply_declared(hub: TelemetryHub, packs: list[DeclaringPack]) -> dict[str, str]:
    """Have a hub read and judge as packs declare. Returns what does not count, by pack."""
    told = [(pack.id, pack.declared) for pack in packs if not pack.problem]
    mappings, lost = compile_mappings(told)
    hub.use(mappings, pack_rules(told))
    return lost


def _counts(declared: Declarations) -> dict[str, int]:
    told = declared.telemetry
    return {
        "layouts": len(declared.layouts),
        "prefabs": len(declared.prefabs),
        "categories": len(declared.config.categories),
        "flags": len(declared.launch.flags),
        "logs": len(told.logs),
        "spans": len(told.spans),
        "metrics": len(told.metrics),
        "alerts": len(declared.alerts),
    }
