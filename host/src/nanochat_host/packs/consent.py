"""What a person reads before a pack is installed, the same in a terminal and on the screen."""

from __future__ import annotations

from typing import NamedTuple

from nanochat_sdk.capabilities import parse_permission, sentence

from nanochat_host.packs.install.limits import MIB
from nanochat_host.packs.install.offer import Offer
from nanochat_host.packs.sandbox.level import Level
from nanochat_host.packs.sanitize import clean

_NAMED = 3


class Line(NamedTuple):
    """label: in the left column, "" goes on from the line above. style: of the text."""

    label: str
    text: str
    style: str = ""


def title(offer: Offer) -> str:
    """The question, in a line."""
    manifest, before = offer.manifest, offer.before
    if before is None:
        return clean(f"Install {manifest.title} ({manifest.id} {manifest.version})?")
    versions = " -> ".join(dict.fromkeys((before.record.version, manifest.version)))
    return clean(f"Update {manifest.title} ({manifest.id} {versions})?")


def lines(offer: Offer, level: Level | None) -> list[Line]:
    """level: what holds workers on this machine, None when it could not be measured."""
    manifest, tree = offer.manifest, offer.tree
    found = [
        Line("from", clean(str(offer.source))),
        Line("sha256", tree.sha256),
        Line("holds", _size(offer)),
    ]
    if manifest.description:
        found.insert(0, Line("about", clean(manifest.description)))
    found += _labelled("libraries", [Line("", clean(text)) for text in offer.libraries])
    found += _labelled("changed", [Line("", clean(text), "warning") for text in offer.changes])
    found += _labelled("may", permission_lines(offer))
    found += _labelled("declares", _declares(offer))
    if tree.compiled:
        files = [name.rpartition("/")[2] for name in tree.compiled]
        more = f" and {len(files) - _NAMED} more" if len(files) > _NAMED else ""
        text = f"{clean(', '.join(files[:_NAMED]))}{more}: machine code, which nobody can read"
        found.append(Line("compiled", text, "warning"))
    return [*found, Line("walls", *walls(manifest.id, level))]


def permission_lines(offer: Offer) -> list[Line]:
    """A sentence for each permission, with what is new and what was taken back."""
    known = offer.before.declared if offer.before is not None else None
    found = []
    for text in offer.declared:
        words = clean(sentence(parse_permission(text)))
        if text in offer.taken_back:
            found.append(Line("", f"not: {words} (you took it back)", "muted"))
        elif known is not None and text not in known:
            found.append(Line("", f"NEW: {words}", "warning"))
        else:
            found.append(Line("", words))
    return found or [Line("", "See nothing but the facts of the run that the status bar shows.")]


def _declares(offer: Offer) -> list[Line]:
    """What it brings that counts outside its panels; variables by name, for they reach a run."""
    said = offer.declarations
    counts = {
        "dashboard": len(said.layouts),
        "prefab": len(said.prefabs),
        "option group": len(said.config.categories),
        "launch flag": len(said.launch.flags),
        "log pattern": len(said.telemetry.logs),
        "span mapping": len(said.telemetry.spans),
        "metric": len(said.telemetry.metrics),
        "alert rule": len(said.alerts),
    }
    parts = [f"{count} {name}{'s' * (count > 1)}" for name, count in counts.items() if count]
    found = [Line("", ", ".join(parts))]
    sets = [f"{name}={value}" for name, value in said.launch.env.items()]
    found += [Line("", clean(f"sets in the runs it is for: {one}"), "warning") for one in sets]
    return found if parts else found[1:]


def walls(pack_id: str, level: Level | None) -> tuple[str, str]:
    """What holds its panels here, and the style to say it in."""
    if level is Level.STRICT:
        return "isolated: its panels see no file, network or process of yours", "success"
    if level is Level.FULL:
        return "isolated; they can probe names and sizes of files, and read none", "success"
    if level is Level.NONE:
        consent = f"`nanochat-cli pack grant {pack_id} --unsandboxed`"
        return f"this system cannot isolate it: its panels will not run, unless {consent}", "error"
    return "not measured; each panel is, before its code is loaded", "warning"


def measured_level() -> Level | None:
    """What holds a worker on this machine, measured on one. Takes a moment; not from within a
    running event loop. None when none can be started."""
    from nanochat_host.packs.sandbox.level import level_of
    from nanochat_host.packs.walls import describe_walls

    try:
        return level_of({name: state for name, (state, _holds) in describe_walls().items()})
    except (OSError, TimeoutError):
        return None


def _size(offer: Offer) -> str:
    size = offer.tree.size
    amount = f"{size / MIB:.1f} MiB" if size >= MIB else f"{max(1, size >> 10)} KiB"
    panels = offer.manifest.panels
    count = "1 panel" if len(panels) == 1 else f"{len(panels)} panels"
    return f"{count} in {offer.tree.count} files, {amount}"


def _labelled(label: str, found: list[Line]) -> list[Line]:
    return [line._replace(label=label) if not at else line for at, line in enumerate(found)]
