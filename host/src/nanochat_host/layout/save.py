"""A layout file that is being edited: what it held when it was read, and how edits get into it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from nanochat_sdk.manifest import PanelManifest

from nanochat_host.errors import RefusedError
from nanochat_host.layout.edit import free_id
from nanochat_host.layout.find import is_shipped
from nanochat_host.layout.load import MAX_BYTES
from nanochat_host.layout.spec import LayoutSpec
from nanochat_host.layout.write import LayoutWriteError, fresh, rewrite
from nanochat_host.paths import Paths, atomic_write

Catalog = Mapping[str, PanelManifest]


class ChangedOnDiskError(RefusedError):
    """Somebody wrote the file since it was read; saving would lose what they wrote."""


@dataclass(frozen=True)
class LayoutFile:
    """path: where it was read from. text: what it held then. stale: it is known to have changed
    since the edits began."""

    path: Path
    text: str
    stale: bool = False

    @classmethod
    def read(cls, path: Path) -> LayoutFile:
        """The file as it is now. Raises OSError."""
        return cls(path, path.read_bytes().decode(errors="replace"))

    @property
    def digest(self) -> str:
        """Of the text."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    @property
    def shipped(self) -> bool:
        """It came with the program."""
        return is_shipped(self.path)

    def home(self, paths: Paths) -> Path:
        """Where saving writes to: a copy in the person's folder for a shipped layout."""
        return paths.layouts / self.path.name if self.shipped else self.path

    def save(
        self, layout: LayoutSpec, catalog: Catalog, paths: Paths, *, overwrite: bool = False
    ) -> LayoutFile:
        """Write the edits; the file as it is then. overwrite: whatever it holds by now.

        Raises ChangedOnDiskError, LayoutWriteError, RefusedError when the disk refuses.
        """
        target = self.home(paths)
        if not overwrite and (self.stale or self._changed(target)):
            raise ChangedOnDiskError(f"{target} has changed since it was opened")
        return _written(target, rewrite(self.text, layout, catalog))

    def save_as(self, title: str, layout: LayoutSpec, catalog: Catalog, paths: Paths) -> LayoutFile:
        """Write to a new file of the person's folder, named after `title`. Raises as `save`, and
        RefusedError when there is such a file."""
        target = paths.layouts / f"{free_id(title.strip().lower(), ())}.toml"
        if target.exists():
            raise RefusedError(f"there is a layout {target.stem} already", "choose another name")
        named = replace(layout, title=title.strip(), path=target)
        try:
            text = rewrite(self.text, named, catalog)
        except LayoutWriteError:
            text = fresh(named, catalog)
        return _written(target, text)

    def _changed(self, target: Path) -> bool:
        """The target holds something else than what was read. A copy that a shipped layout is
        about to get must not be there yet."""
        try:
            with target.open("rb") as file:
                return target != self.path or file.read(MAX_BYTES + 1) != self.text.encode()
        except FileNotFoundError:
            return False
        except OSError as error:
            raise RefusedError(f"{target}: {error.strerror}", "save as another name") from None


def _written(target: Path, text: str) -> LayoutFile:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        # Through a link to where the file is: people keep layouts in repositories of dotfiles.
        atomic_write(target.resolve(), text)
    except OSError as error:
        raise RefusedError(
            f"{target} was not written: {error.strerror}", "the edits stay; S saves elsewhere"
        ) from None
    return LayoutFile(target, text)
