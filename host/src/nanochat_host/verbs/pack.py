"""`nanochat-cli pack`: install other people's panels, and say what they may do."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nanochat_host.errors import NotFoundError, RefusedError, UsageError
from nanochat_host.paths import Paths, expand
from nanochat_host.verbs.common import Verbs, add_verb
from nanochat_host.verbs.output import confirm, emit, is_tty, remark, table
from nanochat_host.verbs.pack_author import register_author

if TYPE_CHECKING:
    from nanochat_host.installed import InstalledPack
    from nanochat_host.packs.catalog import Catalog, FoundPack
    from nanochat_host.packs.consent import Line
    from nanochat_host.packs.install.offer import Offer


def register(verbs: Verbs) -> None:
    """Add the verb to the parser."""
    parent = add_verb(verbs, "pack", "panels of others", "nanochat-cli pack list")
    subs = parent.add_subparsers(metavar="ACTION")
    add_verb(
        subs, "list", "list packs and what is wrong with any", "nanochat-cli pack list", list_all
    )
    info = add_verb(
        subs, "info", "say what a pack is and may do", "nanochat-cli pack info heat", show
    )
    info.add_argument("pack", help="id of a pack")
    _register_install(subs)
    gone = add_verb(
        subs, "remove", "remove a pack, its files and its grants",
        "nanochat-cli pack remove heat --yes", remove,
    )  # fmt: skip
    gone.add_argument("pack", help="id of a pack")
    gone.add_argument("--yes", action="store_true", help="do not ask")
    _register_grant(subs)
    for name, words in (("enable", "open its panels again"), ("disable", "keep it, but idle")):
        switch = add_verb(subs, name, words, f"nanochat-cli pack {name} heat", turn)
        switch.add_argument("pack", help="id of a pack")
        switch.set_defaults(enabled=name == "enable")
    register_author(subs)


def _register_install(subs: Verbs) -> None:
    parser = add_verb(
        subs, "install", "check a pack, say what it may do, and install it if you agree",
        "nanochat-cli pack install ./heat\nnanochat-cli pack install heat-1.0.zip --yes --json\n"
        "nanochat-cli pack install heat-1.0-py3-none-any.whl --wheels ./wheels",
        install,
    )  # fmt: skip
    parser.add_argument("source", help="a folder, a wheel (.whl) or a zip")
    parser.add_argument("--yes", action="store_true", help="agree to all it asks for")
    parser.add_argument(
        "--wheels", action="append", default=[], metavar="DIR",
        help="also look there for the libraries it needs; may be repeated",
    )  # fmt: skip
    parser.add_argument(
        "--download", action="store_true", help="let pip fetch libraries that lie nowhere"
    )


def _register_grant(subs: Verbs) -> None:
    parser = add_verb(
        subs, "grant", "show what a pack may do, take permissions back or give them again",
        "nanochat-cli pack grant heat\nnanochat-cli pack grant heat --revoke logs:read\n"
        "nanochat-cli pack grant heat logs:read --yes",
        change_grants,
    )  # fmt: skip
    parser.add_argument("pack", help="id of a pack")
    parser.add_argument("permissions", nargs="*", metavar="PERMISSION", help="to give again")
    parser.add_argument(
        "--revoke", action="append", default=[], metavar="PERMISSION",
        help="take it back; may be repeated",
    )  # fmt: skip
    walls = parser.add_mutually_exclusive_group()
    walls.add_argument(
        "--unsandboxed", action="store_true", default=None,
        help="let it run where this system cannot isolate it",
    )  # fmt: skip
    walls.add_argument(
        "--sandboxed", action="store_false", dest="unsandboxed", help="take that back"
    )
    parser.add_argument("--yes", action="store_true", help="do not ask")


def list_all(args: argparse.Namespace, paths: Paths) -> int:
    from nanochat_host.core.declared_problems import declared_problems

    catalog = _catalog(paths)
    changed = catalog.changed()
    rows = []
    for name, pack in catalog.packs.items():
        state = "changed" if name in changed else "enabled" if pack.enabled else "disabled"
        count = len(pack.manifest.panels)
        may = ", ".join(_granted(catalog, pack)) or "-"
        rows.append([name, pack.manifest.version, _origin(pack), state, str(count), may])
    problems = {**declared_problems(paths), **changed}
    errors = [{"message": error.message, "hint": error.hint} for error in catalog.errors]
    errors += [{"message": f"pack {name}: {said}", "hint": ""} for name, said in problems.items()]
    packs = [
        {**_facts(catalog, pack), "changed": changed.get(name, "")}
        for name, pack in catalog.packs.items()
    ]
    data = {"packs": packs, "errors": errors}
    lines = table(["PACK", "VERSION", "FROM", "STATE", "PANELS", "MAY"], rows)
    emit(args, data, lines)
    if not args.json:
        for error in catalog.errors:
            remark(str(error))
        for name, problem in problems.items():
            remark(f"pack {name}: {problem}")
    return 1 if catalog.errors or problems else 0


def show(args: argparse.Namespace, paths: Paths) -> int:
    catalog = _catalog(paths)
    pack = _pack(catalog, args.pack)
    facts = _facts(catalog, pack)
    objection = pack.objection()
    lines = [
        f"{pack.manifest.title} ({pack.manifest.id} {pack.manifest.version})",
        *([pack.manifest.description] if pack.manifest.description else []),
        f"  folder   {pack.folder}",
    ]
    if pack.record is not None:
        at = time.strftime("%Y-%m-%d %H:%M", time.localtime(pack.record.installed_at))
        lines += [f"  from     {pack.record.source}, {at}", f"  sha256   {pack.record.sha256}"]
        lines.append(f"  state    {objection or ('enabled' if pack.enabled else 'disabled')}")
    lines += ["", *(f"  {line}" for line in _grant_lines(catalog, pack)), ""]
    for panel in pack.manifest.panels:
        lines.append(f"  {pack.manifest.id}:{panel.id}  {panel.help}")
    emit(args, {**facts, "changed": objection}, lines)
    return 1 if objection else 0


def install(args: argparse.Namespace, paths: Paths) -> int:
    from nanochat_host.packs.grants import accept
    from nanochat_host.packs.install.offer import offer

    folders = [expand(name).absolute() for name in args.wheels]
    with offer(paths, Path(args.source), folders, fetch=args.download) as found:
        if not found.agreed:
            _ask(args, found)
        record = accept(paths, found)
        again = "is as it was" if found.agreed else "installed"
    say = [f"{record.id} {record.version} {again}: {len(found.manifest.panels)} panel(s)"]
    say += [f"  {record.id}:{panel.id}  {panel.help}" for panel in found.manifest.panels]
    emit(args, {"pack": record, "asked": not found.agreed}, say)
    return 0


def remove(args: argparse.Namespace, paths: Paths) -> int:
    from nanochat_host.packs import grants

    _agree(args, f"Remove pack `{args.pack}`, its files and what it was granted?")
    grants.remove(paths, args.pack)
    emit(args, {"removed": args.pack}, f"{args.pack} removed")
    return 0


def turn(args: argparse.Namespace, paths: Paths) -> int:
    from nanochat_host.packs import grants

    record = grants.set_enabled(paths, args.pack, args.enabled)
    emit(args, record, f"{record.id} {'enabled' if record.enabled else 'disabled'}")
    return 0


def change_grants(args: argparse.Namespace, paths: Paths) -> int:
    from nanochat_host.packs import grants

    if args.permissions:
        _give(args, paths)
    if args.revoke:
        grants.revoke(paths, args.pack, args.revoke)
    if args.unsandboxed is True:
        what = "can read your files and reach the network where this system cannot isolate it"
        _agree(args, f"`{args.pack}` {what}. Let it run there?")
    if args.unsandboxed is not None:
        grants.set_unsandboxed(paths, args.pack, args.unsandboxed)
    catalog = _catalog(paths)
    pack = _pack(catalog, args.pack)
    emit(args, _facts(catalog, pack), _grant_lines(catalog, pack))
    return 0


def _give(args: argparse.Namespace, paths: Paths) -> None:
    from nanochat_sdk.capabilities import parse_permission, sentence

    from nanochat_host.packs import grants

    declared = _pack(_catalog(paths), args.pack).declared
    for text in args.permissions:
        if text not in declared:
            asks = ", ".join(declared) or "nothing"
            raise UsageError(f"`{args.pack}` does not ask for `{text}`", f"it asks for: {asks}")
    words = " ".join(sentence(parse_permission(text)) for text in args.permissions)
    _agree(args, f"`{args.pack}` may then: {words} Agree?")
    grants.grant(paths, args.pack, args.permissions)


def _ask(args: argparse.Namespace, found: Offer) -> None:
    """Show what is to be agreed to; raises RefusedError when the person does not."""
    from nanochat_host.packs import consent

    if not args.json:
        lines = consent.lines(found, consent.measured_level())
        emit(args, None, _consent_text(consent.title(found), lines))
    if args.yes:
        return
    if not is_tty():
        asks = ", ".join(found.declared) or "nothing"
        raise RefusedError(
            f"{found.manifest.id} {found.manifest.version} asks for: {asks}",
            "say yes in a terminal, or add --yes",
        )
    if not confirm("Agree and install?"):
        raise RefusedError("nothing was installed")


def _consent_text(title: str, lines: Sequence[Line]) -> list[str]:
    return [title, *(f"  {line.label:<9}  {line.text}" for line in lines)]


def _agree(args: argparse.Namespace, question: str) -> None:
    if args.yes:
        return
    if not is_tty():
        raise RefusedError(question, "say yes in a terminal, or add --yes")
    if not confirm(question):
        raise RefusedError("nothing was changed")


def _catalog(paths: Paths) -> Catalog:
    from nanochat_host.packs.catalog import Catalog

    return Catalog.discover(paths=paths)


def _pack(catalog: Catalog, pack_id: str) -> FoundPack:
    if pack_id in catalog.packs:
        return catalog.packs[pack_id]
    for error in catalog.errors:
        if f"`{pack_id}`" in error.message:
            raise error
    raise NotFoundError(f"no pack `{pack_id}`", f"there are: {', '.join(catalog.packs)}")


def _origin(pack: FoundPack) -> str:
    if pack.record is not None:
        return "installed"
    return "program" if pack.manifest.id == "builtin" else "folder"


def _granted(catalog: Catalog, pack: FoundPack) -> list[str]:
    if pack.manifest.id == "builtin":
        return list(pack.declared)
    given = catalog.grants.get(pack.manifest.id, frozenset())
    return [text for text in pack.declared if text in given]


def _grant_lines(catalog: Catalog, pack: FoundPack) -> list[str]:
    from nanochat_sdk.capabilities import parse_permission, sentence

    given = _granted(catalog, pack)
    rows = [
        ["yes" if text in given else "no", text, sentence(parse_permission(text))]
        for text in pack.declared
    ]
    lines = table(["MAY", "PERMISSION", ""], rows) if rows else ["it asks for nothing"]
    if pack.record is not None and pack.record.unsandboxed:
        lines.append("it may run where this system cannot isolate it")
    return lines


def _facts(catalog: Catalog, pack: FoundPack) -> dict[str, Any]:
    record: InstalledPack | None = pack.record
    return {
        "id": pack.manifest.id,
        "version": pack.manifest.version,
        "title": pack.manifest.title,
        "folder": str(pack.folder),
        "from": _origin(pack),
        "enabled": pack.enabled,
        "sha256": record.sha256 if record else "",
        "source": record.source if record else "",
        "declared": list(pack.declared),
        "granted": _granted(catalog, pack),
        "unsandboxed": record.unsandboxed if record else False,
        "panels": [f"{pack.manifest.id}:{panel.id}" for panel in pack.manifest.panels],
    }
