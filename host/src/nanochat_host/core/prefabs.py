"""Prefabs: named configurations, each of which may rest on another and hold the difference only."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import nanochat_host
from nanochat_host.core.config.effective import Setting
from nanochat_host.core.options import nearest
from nanochat_host.core.prefab_file import PrefabFile, edited, read_prefab, write_prefab
from nanochat_host.core.wire_config import PrefabInfo
from nanochat_host.declaring import Declaring
from nanochat_host.errors import (
    CannotWriteError,
    ConfigFileError,
    NanochatCliError,
    NotFoundError,
    RefusedError,
)
from nanochat_host.paths import Paths

MAX_CHAIN = 16


class Prefabs:
    """The person's own, the shipped ones, those of packs; a name hides the same name further on.
    Methods read files: call them in a thread."""

    def __init__(self, paths: Paths) -> None:
        self._own = paths.prefabs
        self._declaring = Declaring(paths)
        self._kept: dict[Path, tuple[tuple[int, int], PrefabFile]] = {}

    def all(self) -> list[PrefabInfo]:
        """Sorted by name; one that cannot be read says why."""
        files = self._files()
        return [self._info(name, *files[name]) for name in sorted(files, key=_natural)]

    def origin(self, name: str) -> tuple[str, Path, str]:
        """(name, file, "yours", "shipped" or the id of a pack). `100` finds `$100`: shells eat the
        dollar sign. Raises NotFoundError that names the nearest."""
        for candidate in (name, f"${name}"):
            for folder, origin in self._folders():
                file = folder / f"{candidate}.yaml"
                if file.is_file():
                    return candidate, file, origin
            if candidate in (packed := self._of_packs()):
                return candidate, *packed[candidate]
        hint = nearest(name, self._files()) or "`nanochat-cli prefab list` shows them"
        raise NotFoundError(f"there is no prefab `{name}`", hint)

    def chain(self, name: str) -> list[PrefabFile]:
        """The prefab and what it extends, itself first. Raises NotFoundError or ConfigFileError."""
        found: list[PrefabFile] = []
        while name:
            real, path, _ = self.origin(name) if not found else self._base(found[-1])
            if any(prefab.name == real for prefab in found) or len(found) >= MAX_CHAIN:
                names = " > ".join([prefab.name for prefab in found] + [real])
                raise ConfigFileError(
                    str(found[-1].path), f"goes round in a circle: {names}", key="extends"
                )
            found.append(self._read(path, real))
            name = found[-1].extends
        return found

    def own_file(self, name: str) -> Path:
        """Where a prefab of this name of the person's own lies, or would."""
        return self._own / f"{name}.yaml"

    def save(
        self,
        name: str,
        stage: str,
        options: Mapping[str, Any],
        reset: list[str],
        *,
        extends: str = "",
        title: str = "",
    ) -> PrefabFile:
        """Edit the person's own prefab, or begin one. Checked by reading it back before it is in
        place; what it extends must exist. Raises RefusedError for a shipped one's name."""
        path = self.own_file(name)
        if not path.exists() and self._is_shipped(name):
            raise RefusedError(
                f"`{name}` is shipped and stays as it is",
                f"save under a name of your own: `nanochat-cli prefab save my-{name.strip('$')} "
                f"--from '{name}'`",
            )
        base = self.origin(extends)[0] if extends else ""
        if base and any(prefab.name == name for prefab in self.chain(base)):
            raise RefusedError(f"`{base}` rests on `{name}`", "they would go round in a circle")
        begun = read_prefab(path, name).text if path.exists() else "version: 1\n"
        head = {"title": title, "extends": base}
        text = edited(path, begun, stage, options, reset, head)
        write_prefab(path, text)
        return read_prefab(path, name)

    def delete(self, name: str) -> PrefabInfo:
        """Raises NotFoundError, or RefusedError for a shipped one or one that others extend."""
        real, path, origin = self.origin(name)
        if origin != "yours":
            whose = "is shipped" if origin == "shipped" else f"belongs to pack `{origin}`"
            raise RefusedError(f"`{real}` {whose} and stays as it is")
        info = self._info(real, path, origin)
        users = [other.name for other in self.all() if other.extends == real]
        if users and not self._is_shipped(real):
            raise RefusedError(f"`{real}` is what {', '.join(users)} extends", "delete that first")
        try:
            path.unlink()
        except OSError as error:
            raise CannotWriteError(path, error, "delete") from None
        return info

    def _info(self, name: str, path: Path, origin: str) -> PrefabInfo:
        try:
            file = self._read(path, name)
            gpu, gpus = machine_of(self.chain(name))
        except NanochatCliError as error:
            return PrefabInfo(name, str(path), origin, error=str(error))
        stages = {
            stage: {option: setting.value for option, setting in settings.items()}
            for stage, settings in file.stages.items()
        }
        return PrefabInfo(
            name=name,
            path=str(path),
            origin=origin,
            title=file.title,
            help=file.help,
            extends=file.extends,
            gpu=gpu,
            gpus=gpus,
            stages=stages,
        )

    def _read(self, path: Path, name: str) -> PrefabFile:
        """Read once for each state of the file: a form asks with every key. Raises
        ConfigFileError."""
        try:
            about = path.stat()
            state = (about.st_mtime_ns, about.st_size)
        except OSError:
            return read_prefab(path, name)
        kept = self._kept.get(path)
        if kept is None or kept[0] != state:
            kept = self._kept[path] = (state, read_prefab(path, name))
        return kept[1]

    def _files(self) -> dict[str, tuple[Path, str]]:
        files = self._of_packs()
        for folder, origin in self._folders()[::-1]:
            files |= {file.stem: (file, origin) for file in sorted(folder.glob("*.yaml"))}
        return files

    def _of_packs(self) -> dict[str, tuple[Path, str]]:
        """What packs bring, by name; of two with one name that of the first pack by id."""
        return {
            (file := pack.file(item)).stem: (file, pack.id)
            for pack in reversed(self._declaring.packs())
            for item in pack.declared.prefabs
        }

    def _base(self, prefab: PrefabFile) -> tuple[str, Path, str]:
        try:
            return self.origin(prefab.extends)
        except NotFoundError as error:
            raise ConfigFileError(
                str(prefab.path), f"extends `{prefab.extends}`, which is not there. {error.hint}"
            ) from None

    def _folders(self) -> list[tuple[Path, str]]:
        return [(self._own, "yours"), *((folder, "shipped") for folder in shipped_folders())]

    def _is_shipped(self, name: str) -> bool:
        return any((folder / f"{name}.yaml").is_file() for folder in shipped_folders())


def merged(chain: list[PrefabFile]) -> dict[str, dict[str, Setting]]:
    """Settings by stage, the first prefab of the chain on top."""
    stages: dict[str, dict[str, Setting]] = {}
    for prefab in reversed(chain):
        for stage, settings in prefab.stages.items():
            stages.setdefault(stage, {}).update(settings)
    return stages


def machine_of(chain: list[PrefabFile]) -> tuple[str, int]:
    """(kind of GPU, number of them) the chain is meant for; "" and 0 where it does not say."""
    gpu = next((prefab.gpu for prefab in chain if prefab.gpu), "")
    return gpu, next((prefab.gpus for prefab in chain if prefab.gpus), 0)


def shipped_folders() -> Iterator[Path]:
    """Beside the source tree, and in the installed wheel (an editable install has both)."""
    source = Path(nanochat_host.__file__).parents[3]
    if (source / "host" / "src" / "nanochat_host").is_dir():
        yield source / "prefabs"
    spec = importlib.util.find_spec("nanochat_cli_data")
    for location in (spec.submodule_search_locations if spec else None) or ():
        yield Path(location) / "prefabs"


def _natural(name: str) -> tuple[bool, int, str]:
    """`$10`, `$100`, `$1000` in the order of the money, then the rest by name."""
    digits = name.removeprefix("$")
    return (not digits.isdigit(), int(digits) if digits.isdigit() else 0, name)
