"""The vocabulary of a base folder's tokenizer, read without torch and without unpickling."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import NamedTuple

from nanochat_host.core.planner.inputs import DEFAULT_VOCAB

MAX_JSON_BYTES = 64 * 2**20


class Vocabulary(NamedTuple):
    """known: read from a tokenizer that is there, not what would be asked for."""

    size: int
    known: bool


def vocabulary(base_dir: Path, wanted: int = 0) -> Vocabulary:
    """A small corpus yields fewer tokens than asked for, so the tokenizer's own files come first;
    `wanted` (else nanochat's default) stands in where there are none."""
    folder = base_dir / "tokenizer"
    for read in (_of_token_bytes, _of_json):
        try:
            if size := read(folder):
                return Vocabulary(size, True)
        except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile, RecursionError):
            continue
    return Vocabulary(wanted or DEFAULT_VOCAB, False)


def _of_token_bytes(folder: Path) -> int:
    """token_bytes.pt is one int32 for each token; its bytes lie in the archive as they are."""
    with zipfile.ZipFile(folder / "token_bytes.pt") as archive:
        data = next((n for n in archive.namelist() if n.endswith("/data/0")), "")
        return archive.getinfo(data).file_size // 4 if data else 0


def _of_json(folder: Path) -> int:
    """tokenizer.json of the tokenizers library, or of the embedded checkout."""
    file = folder / "tokenizer.json"
    if file.stat().st_size > MAX_JSON_BYTES:
        return 0
    tree = json.loads(file.read_bytes())
    words = len(tree["model"]["vocab"])
    return words + sum(1 for token in tree.get("added_tokens", []) if token["id"] >= words)
