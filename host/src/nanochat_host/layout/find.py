"""Where layouts lie. The first folder that has the name wins: a copy of one's own replaces ours."""

from __future__ import annotations

import difflib
import importlib.util
from collections.abc import Iterator
from pathlib import Path

from nanochat_host.declaring import read_declaring
from nanochat_host.errors import NotFoundError
from nanochat_host.paths import Paths, expand


def _shipped() -> Iterator[tuple[Path, str]]:
    """Beside the source tree, and in the installed wheel (an editable install has both)."""
    source = Path(__file__).resolve().parents[4] / "layouts"
    if (source.parent / "host" / "src" / "nanochat_host").is_dir():
        yield source, "shipped"
    spec = importlib.util.find_spec("nanochat_cli_data")
    for location in (spec.submodule_search_locations if spec else None) or ():
        yield Path(location) / "layouts", "shipped"


def folders(paths: Paths) -> list[tuple[Path, str]]:
    """(folder, origin) in the order in which they are searched."""
    here, shipped = Path.cwd() / "layouts", list(_shipped())
    found = [(here, "folder"), (paths.layouts, "yours"), *shipped]
    # Started in the source tree, ./layouts is the shipped folder: a copy of one's own comes first.
    return found[1:] if is_shipped(here / "any.toml") else found


def shipped_layout(name: str) -> Path:
    """The file of that name that came with the program."""
    files = [folder / f"{name}.toml" for folder, _ in _shipped()]
    return next((file for file in files if file.is_file()), files[0])


def is_shipped(file: Path) -> bool:
    """The file came with the program or an installed pack: it is never written to."""
    real = file.resolve()
    if real.is_relative_to(Paths.from_env().pack_store.resolve()):
        return True
    return real.parent in {folder.resolve() for folder, _ in _shipped()}


def list_layouts(paths: Paths) -> list[tuple[str, Path, str]]:
    """(name, file, origin) of every layout in reach, sorted by name. origin: "folder" (the working
    directory's), "yours", "shipped", or the id of the pack that brings it."""
    found: dict[str, tuple[Path, str]] = {}
    for pack in reversed(read_declaring(paths)):
        for item in pack.declared.layouts:
            file = pack.file(item)
            found[file.stem] = (file, pack.id)
    for folder, origin in folders(paths)[::-1]:
        for file in folder.glob("*.toml"):
            found[file.stem] = (file, origin)
    return [(name, *found[name]) for name in sorted(found)]


def find_layout(name: str, paths: Paths) -> Path:
    """The file of a layout, by name or path. Raises NotFoundError naming the nearest one."""
    if name.endswith(".toml") or "/" in name:
        file = expand(name)
        if file.is_file():
            return file
        raise NotFoundError(f"there is no file {file}", "see `nanochat-cli layout list`")
    layouts = {found: file for found, file, _ in list_layouts(paths)}
    if name in layouts:
        return layouts[name]
    near = difflib.get_close_matches(name, layouts, n=1)
    hint = f"did you mean `{near[0]}`?" if near else f"there are: {', '.join(layouts)}"
    raise NotFoundError(f"there is no layout `{name}`", hint)
