"""Packs made by tests: folders, wheels and libraries, small and honest unless told otherwise."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Mapping
from pathlib import Path

MANIFEST = """
id = "{id}"
version = "{version}"
protocol = 1
title = "Heat"
[[panels]]
id = "map"
entry = "panel:Map"
title = "Map"
help = "a map"
capabilities = [{capabilities}]
"""
PANEL = """
from nanochat_sdk import Panel, Text

class Map(Panel):
    def update(self, data):
        self.seen = data
        return True

    def render(self, size):
        denied = ",".join(getattr(self, "seen", None).denied) if hasattr(self, "seen") else "?"
        return Text(lines=[[("heat says {word} denied=" + denied, "")]])
"""


def make_pack(
    folder: Path,
    *,
    id: str = "heat",
    version: str = "1.0",
    capabilities: str = '"metrics:read", "logs:read"',
    word: str = "hello",
    files: Mapping[str, str] | None = None,
) -> Path:
    """A pack with one panel, `heat:map`."""
    folder.mkdir(parents=True, exist_ok=True)
    text = MANIFEST.format(id=id, version=version, capabilities=capabilities)
    (folder / "pack.toml").write_text(text)
    (folder / "panel.py").write_text(PANEL.replace("{word}", word))
    for name, content in (files or {}).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
    return folder


def make_zip(path: Path, files: Mapping[str, str]) -> Path:
    """A zip or wheel with these files."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def make_library(folder: Path, name: str = "colours", version: str = "2.1") -> tuple[Path, str]:
    """A wheel of a library, and its line for pack.lock.toml."""
    folder.mkdir(parents=True, exist_ok=True)
    file, info = f"{name}-{version}-py3-none-any.whl", f"{name}-{version}.dist-info"
    path = make_zip(
        folder / file,
        {
            f"{name}/__init__.py": "RED = 'red'\n",
            f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
            f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
            f"{info}/RECORD": "",
        },
    )
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    lines = (
        f'[[wheel]]\nname = "{name}"\nversion = "{version}"\nfile = "{file}"\nsha256 = "{digest}"\n'
    )
    return path, lines
