"""Checks of our own parts: the core, layouts, panels, the sandbox, past crashes."""

from __future__ import annotations

import time
from collections.abc import Iterator

from nanochat_host.crash import last_crash
from nanochat_host.doctor.check import Check
from nanochat_host.errors import NanochatCliError
from nanochat_host.paths import Paths


def core(paths: Paths) -> Iterator[Check]:
    """The background process: up, reachable, of our version."""
    from nanochat_host import __version__
    from nanochat_host.core.client import CoreClient
    from nanochat_host.core.start import core_is_up

    if not core_is_up(paths):
        yield Check("core", "core", "off", "not running; the TUI and every verb start it")
        return
    info = CoreClient(paths).health()
    same = info.version == __version__
    yield Check(
        "core", "core", "ok" if same else "warn",
        f"pid {info.pid}, {info.active_runs} active run(s), {info.rss_bytes / 2**20:.0f} MiB",
        "" if same else f"it is {info.version}, this is {__version__}: `nanochat-cli core stop`",
    )  # fmt: skip
    mode = paths.core_dir.stat().st_mode & 0o777
    private = mode == 0o700
    yield Check(
        "core", "socket", "ok" if private else "fail", f"{paths.core_socket} ({mode:o})",
        "" if private else f"chmod 700 {paths.core_dir}",
    )  # fmt: skip


def settings(paths: Paths) -> Iterator[Check]:
    """The person's own settings can be read, every key of them."""
    from nanochat_host.core.settings import OtlpSettings, Settings
    from nanochat_host.core.wire_alerts import AlertLimits

    kinds = {"otlp": OtlpSettings, "alerts": AlertLimits}
    faults = Settings(paths.settings_toml).faults(kinds)
    for fault in faults:
        way = fault.hint or f"it knows {', '.join(kinds)}; mend or remove the line"
        yield Check("settings", "settings.toml", "warn", fault.message, way)
    if not faults:
        there = paths.settings_toml.exists()
        yield Check("settings", "settings.toml", "ok", "" if there else "none: all as it comes")


def layouts(paths: Paths) -> Iterator[Check]:
    """Every layout in reach loads."""
    from nanochat_host.layout.find import list_layouts
    from nanochat_host.layout.load import check_layout
    from nanochat_host.packs.catalog import Catalog

    catalog = {key: entry.panel for key, entry in Catalog.discover().panels.items()}
    yield Check("screens", "panels", "ok" if catalog else "fail", f"{len(catalog)} found")
    for name, path, _ in list_layouts(paths):
        errors = check_layout(path, catalog)
        detail = str(errors[0]) if errors else str(path)
        fix = f"nanochat-cli layout check {name}" if errors else ""
        yield Check("screens", f"layout {name}", "warn" if errors else "ok", detail, fix)


def declarations(paths: Paths) -> Iterator[Check]:
    """What enabled packs declare counts."""
    from nanochat_host.core.declared_problems import declared_problems

    for pack, problem in declared_problems(paths).items():
        way = f"`nanochat-cli pack info {pack}`; update or disable it"
        yield Check("screens", f"pack {pack}", "warn", problem, way)


def sandbox(paths: Paths) -> Iterator[Check]:
    """The walls around panel workers, as far as they are built and this kernel has them."""
    from nanochat_host.packs.sandbox.level import Level, level_of
    from nanochat_host.packs.walls import describe_walls

    walls = describe_walls()
    level = level_of({wall: state for wall, (state, _holds) in walls.items()})
    none = level is Level.NONE
    yield Check(
        "sandbox", "level", "warn" if none else "ok", f"{level}: panels are {level.badge}",
        "packs of others do not start; for one: `nanochat-cli pack grant ID --unsandboxed`"
        if none else "",
    )  # fmt: skip
    for wall, (state, detail) in walls.items():
        yield Check("sandbox", wall, "ok" if state == "closed" else "off", detail)


def crashes(paths: Paths) -> Iterator[Check]:
    """The newest crash dump, if there is one."""
    try:
        crash = last_crash(paths, unseen=False)
    except NanochatCliError:
        crash = None
    if crash is None:
        yield Check("crashes", "crashes", "ok", "none recorded")
        return
    day = time.strftime("%Y-%m-%d %H:%M", time.localtime(crash.ts))
    yield Check(
        "crashes", crash.role, "warn", f"{day}: {crash.summary} ({crash.path})",
        "`nanochat-cli doctor --report` packs it up for a bug report",
    )  # fmt: skip
