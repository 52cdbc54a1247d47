"""Cases of kind pack: what a stranger hands over, against the real installer.

`build` of a case makes things in a folder and says of each whether it may be taken. Manifests of
the contract have a table `[pack]`; here it becomes the pack.toml of this program, and what cannot
be read stays as it is.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import stat
import time
import tomllib
import types
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import tomlkit
from arena import Arena
from contract import Case
from guarded import DEADLINE_S, Verdict
from nanochat_host.errors import NanochatCliError
from nanochat_host.packs import grants
from nanochat_host.packs.catalog import Catalog
from nanochat_host.packs.install.limits import OF_PACK
from nanochat_host.packs.install.member import write_members
from nanochat_host.packs.install.offer import offer
from nanochat_host.packs.install.source import open_archive
from nanochat_host.packs.install.store import Store
from nanochat_host.packs.state import PanelState
from nanochat_host.packs.supervisor import Supervisor
from nanochat_host.paths import Paths

_MOST_CPU_S, _MOST_S = 3.0, 40.0
"""Of this process, which a loaded machine does not lengthen; and by the clock, for what blocks."""
_GOOD = '[pack]\nname = "good"\nversion = "1.0"\nentry = "panel:main"\npermissions = []\n'


class Installer:
    """Judges cases of kind pack. bare: as somebody would who trusts archives and manifests."""

    def __init__(self, arena: Arena, folder: Path, *, bare: bool) -> None:
        self._arena, self._folder, self._bare = arena, folder, bare

    async def run(self, case: Case) -> Verdict:
        """Build what the case builds, hand it over, and look at what came of it."""
        place = self._arena.root / f"pack-{case.id}"
        (made := place / "made").mkdir(parents=True)
        module = types.ModuleType("case")
        exec((self._folder / case.file).read_text(), module.__dict__)
        ctx = self._arena.ctx(case.id, None, 0, DEADLINE_S)
        kind, *what = module.build(str(made), ctx)
        self._arena.settle()
        start, start_cpu = time.monotonic(), time.process_time()
        with _home(ctx["home"]):
            judge = _Careless(place) if self._bare else _Real(place)
            count, problems = await judge.judge(kind, what)
        took = time.monotonic() - start
        if time.process_time() - start_cpu > _MOST_CPU_S or took > _MOST_S:
            problems.append(f"took {took:.1f} s")
        problems += self._arena.problems(b"")
        _make_writable(place)
        shutil.rmtree(place)
        return Verdict(f"{count} judged in {took * 1e3:.0f} ms", problems)


class _Judge:
    """place: a folder of its own."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.paths = Paths(place / "program")

    async def judge(self, kind: str, what: list[Any]) -> tuple[int, list[str]]:
        """How many things were handed over, and which were taken or refused wrongly."""
        if kind == "consent":
            return await self.consent(Path(what[0]), what[1])
        if kind == "archives":
            wanted = {Path(path): word for path, word in what[0]}
            taken = {path: self.takes_archive(path) for path in wanted}
        else:
            wanted = {Path(what[0]) / name: word for name, word in what[1].items()}
            for folder in wanted:
                _translate(folder / "pack.toml")
            taken = self.takes_packs(Path(what[0]), list(wanted), kind)
        problems = [
            f"{path.name} was {'taken' if taken[path] else 'refused'}"
            for path, word in wanted.items()
            if taken[path] != (word == "ok")
        ]
        return len(wanted), problems

    def takes_archive(self, path: Path) -> bool:
        raise AssertionError

    def takes_packs(self, top: Path, folders: list[Path], kind: str) -> dict[Path, bool]:
        raise AssertionError

    async def consent(
        self, folder: Path, mutations: list[Callable[[], None]]
    ) -> tuple[int, list[str]]:
        raise AssertionError


class _Real(_Judge):
    def __init__(self, place: Path) -> None:
        super().__init__(place)
        (good := place / "good").mkdir()
        (good / "pack.toml").write_text(_GOOD)
        _translate(good / "pack.toml")
        assert self._takes(good), "a good pack must be taken, or refusals mean nothing"

    def takes_archive(self, path: Path) -> bool:
        store = Store(self.paths)
        try:
            with store.stage() as staged, open_archive(path, OF_PACK) as members:
                write_members(members, staged / "pack")
        except (NanochatCliError, OSError):
            self._takes(path)
            assert not list(self.paths.pack_store.iterdir()), "something was left in the store"
            return False
        return True

    def takes_packs(self, top: Path, folders: list[Path], kind: str) -> dict[Path, bool]:
        by_hand = {folder: self._takes(folder) for folder in folders}
        if kind == "manifest":
            return by_hand
        found = {pack.folder for pack in Catalog.discover([top]).packs.values()}
        # Either door would be enough for a stranger, and both must be open to a good one.
        return {path: path in found and by_hand[path] if _is_good(path) else
                path in found or by_hand[path] for path in folders}  # fmt: skip

    def _takes(self, path: Path) -> bool:
        try:
            with offer(self.paths, path):
                return True
        except (NanochatCliError, OSError):
            return False

    async def consent(
        self, folder: Path, mutations: list[Callable[[], None]]
    ) -> tuple[int, list[str]]:
        """Every change must be seen when the pack is installed again, and when it is loaded."""
        _translate(folder / "pack.toml")
        pristine = self.place / "pristine"
        shutil.copytree(folder, pristine)
        problems = []
        for number, mutate in enumerate(mutations, 1):
            record = self._install(folder)
            with offer(self.paths, folder) as again:
                if not again.agreed:
                    problems.append(f"{number}: asks again though nothing changed")
            mutate()
            try:
                with offer(self.paths, folder) as changed:
                    if changed.agreed or not changed.changes:
                        problems.append(f"{number}: is taken for what was agreed to")
            except NanochatCliError:
                pass  # refused altogether
            shutil.rmtree(folder)
            # The same to the installed files, as somebody would who can write there.
            installed = record.place(self.paths)
            _make_writable(record.root(self.paths))
            folder.symlink_to(installed)
            if not await self._loads(record.id):
                problems.append(f"{number}: does not load though nothing changed")
            mutate()
            if await self._loads(record.id):
                problems.append(f"{number}: loads with a change")
            folder.unlink()
            grants.remove(self.paths, record.id)
            shutil.copytree(pristine, folder)
        return len(mutations), problems

    def _install(self, folder: Path) -> Any:
        with offer(self.paths, folder) as found:
            return grants.accept(self.paths, found)

    async def _loads(self, pack_id: str) -> bool:
        """Its code is reached: the panel fails for what it is, or lives."""
        changed = asyncio.Event()
        supervisor = Supervisor(lambda _panel: changed.set(), allow_unsandboxed=[pack_id])
        try:
            catalog = Catalog.discover([], paths=self.paths)
            entries = [entry for entry in catalog.panels.values() if entry.pack.id == pack_id]
            if not entries:
                return False
            panel = supervisor.open(entries[0], {}, ())
            async with asyncio.timeout(20):
                while panel.state is PanelState.STARTING:
                    changed.clear()
                    await changed.wait()
            return "its files" not in panel.reason
        finally:
            await supervisor.close()


class _Careless(_Judge):
    """What a program does that unpacks with the library, reads TOML and believes it."""

    def takes_archive(self, path: Path) -> bool:
        with suppress(Exception), zipfile.ZipFile(path) as archive:
            archive.extractall(self.place / "out" / path.stem)
            return True
        return False

    def takes_packs(self, top: Path, folders: list[Path], kind: str) -> dict[Path, bool]:
        return dict.fromkeys(folders, True)

    async def consent(
        self, folder: Path, mutations: list[Callable[[], None]]
    ) -> tuple[int, list[str]]:
        return len(mutations), ["nobody looked"]


def _make_writable(folder: Path) -> None:
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o700)


def _is_good(folder: Path) -> bool:
    with suppress(OSError):
        return stat.S_ISREG((folder / "pack.toml").lstat().st_mode)
    return False


def _translate(path: Path) -> None:
    """The contract's manifest as one of this program; anything else stays what it is."""
    try:
        if not stat.S_ISREG(path.lstat().st_mode) or path.parent.is_symlink():
            return
        tables = tomllib.loads(path.read_text("utf-8"))
        pack = dict(tables.pop("pack"))
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return
    panel = {"id": "case", "title": "case", "help": "one case", "entry": pack.pop("entry", "")}
    panel["capabilities"] = pack.pop("permissions", [])
    ours = {"id": pack.pop("name", ""), "version": pack.pop("version", ""), "protocol": 1}
    ours |= {"title": "case", **pack, "panels": [panel], **tables}
    path.write_text(tomlkit.dumps(ours))


@contextmanager
def _home(folder: str) -> Iterator[None]:
    before = os.environ.get("HOME")
    os.environ["HOME"] = folder
    try:
        yield
    finally:
        if before is None:
            del os.environ["HOME"]
        else:
            os.environ["HOME"] = before
