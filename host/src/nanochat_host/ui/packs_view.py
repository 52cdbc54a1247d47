"""The lines of the packs screen: packs, what each may do, and what is wrong with any."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from nanochat_sdk.capabilities import parse_permission, sentence

from nanochat_host.packs.budget import MIB, Budget
from nanochat_host.packs.catalog import BUILTIN, Catalog, FoundPack
from nanochat_host.packs.sandbox.level import Level
from nanochat_host.packs.sanitize import clean
from nanochat_host.packs.supervisor import PackUse
from nanochat_host.ui.controls.row_list import ListColumn, Row

COLUMNS = (
    ListColumn("", 1, keep=9),
    ListColumn("pack", keep=9),
    ListColumn("version", 9, keep=6),
    ListColumn("from", 9, keep=3),
    ListColumn("panels", 6, right=True, keep=2),
    ListColumn("processor", 11, right=True, keep=5),
    ListColumn("memory", 14, right=True, keep=7),
    ListColumn("walls", 12, keep=8),
)
_WALLS = {
    Level.STRICT: ("isolated", "success"),
    Level.FULL: ("isolated", "success"),
    Level.NONE: ("not isolated", "error"),
}


@dataclass(frozen=True)
class Choice:
    """A line that can be chosen. what: "pack", "permission", "stopped" or "error". name: of the
    permission or panel."""

    pack: str
    what: str = "pack"
    name: str = ""

    @property
    def key(self) -> str:
        """Of its row."""
        return f"{self.pack} {self.what} {self.name}"

    @classmethod
    def of(cls, key: str) -> Choice:
        """What `key` made."""
        pack, what, name = key.split(" ", 2)
        return cls(pack, what, name)


def rows(
    catalog: Catalog,
    uses: Mapping[str, PackUse],
    budget: Budget,
    levels: Mapping[str, Level],
    changed: Mapping[str, str],
) -> list[Row]:
    """uses, levels: by pack id, of those with an open panel. changed: why the files of a pack are
    not those that were agreed to."""
    lines = []
    for pack_id, pack in catalog.packs.items():
        use = uses.get(pack_id)
        objection = changed.get(pack_id, "")
        lines.append(_pack_row(pack, use, budget, levels.get(pack_id), changed=bool(objection)))
        if objection:
            lines.append(Row("", (("!", "error"), (f"  {clean(objection)}", "error"))))
        if pack_id != BUILTIN:
            lines += _permission_rows(catalog, pack)
        for panel, why in (use.stopped if use else {}).items():
            key = Choice(pack_id, "stopped", panel).key
            text = f"{clean(panel)} was stopped: {clean(why)}"
            lines.append(Row(key, (("✗", "error"), (f"  {text}", "error"))))
    lines += _error_rows(catalog)
    if len(lines) == 1:
        hint = "nothing else yet: i installs a folder, a wheel or a zip, and asks you first"
        lines.append(Row("", (("", ""), (hint, "muted"))))
    return lines


def _pack_row(
    pack: FoundPack, use: PackUse | None, budget: Budget, level: Level | None, *, changed: bool
) -> Row:
    manifest, record = pack.manifest, pack.record
    builtin = manifest.id == BUILTIN
    origin = "program" if builtin else "folder" if record is None else "installed"
    mark = ("●", "success") if pack.enabled else ("○", "muted")
    name = clean(f"{manifest.title} ({manifest.id})")
    processor = memory = ""
    if use is not None:
        cores, used = f"{use.cores:.2f}", f"{use.memory_bytes / MIB:.0f}"
        processor = cores if builtin else f"{cores}/{budget.cores:g}"
        memory = f"{used} MiB" if builtin else f"{used}/{budget.memory_bytes // MIB} MiB"
    walls = _WALLS[level] if level is not None else ("", "")
    if not pack.enabled:
        walls = ("disabled", "muted")
    elif changed:
        walls = ("changed", "error")
    elif record is not None and record.unsandboxed and level is None:
        walls = ("may do without", "warning")
    return Row(
        Choice(manifest.id).key,
        (
            mark,
            (name, "bold" if pack.enabled else "muted"),
            (clean(manifest.version), ""),
            (origin, "muted"),
            (str(len(manifest.panels)), "muted"),
            (processor, ""),
            (memory, ""),
            walls,
        ),
    )


def _permission_rows(catalog: Catalog, pack: FoundPack) -> Iterator[Row]:
    given = catalog.grants.get(pack.manifest.id, frozenset())
    for text in pack.declared:
        words = clean(sentence(parse_permission(text)))
        mark, style = ("✓", "success") if text in given else ("-", "muted")
        note = "" if text in given else "  (denied)"
        key = Choice(pack.manifest.id, "permission", text).key
        yield Row(key, ((mark, style), (f"  {words}{note}", "" if text in given else "muted")))
    if not pack.declared:
        key = Choice(pack.manifest.id, "permission").key
        yield Row(key, (("", ""), ("  It asks for nothing.", "muted")))


def _error_rows(catalog: Catalog) -> Iterator[Row]:
    for number, error in enumerate(catalog.errors):
        pack = getattr(error, "pack_id", "") or "?"
        key = Choice(clean(pack).replace(" ", "_"), "error", str(number)).key
        yield Row(key, (("!", "error"), (clean(error.message), "error")))
        if error.hint:
            yield Row("", (("", ""), (f"  {clean(error.hint)}", "muted")))
