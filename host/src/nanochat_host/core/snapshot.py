"""What a run started from, as far as it can be told from outside: the checkout's unsaved changes
and the tokenizer. Reads only; a checkout is never written to, not even its git index."""

from __future__ import annotations

import hashlib
import os
import subprocess
from pathlib import Path

from nanochat_host.paths import expand

MAX_DIFF_BYTES = 256 * 1024
GIT_S = 10.0
_TOKENIZERS = ("tokenizer.pkl", "tokenizer.json")


def dirty_diff(checkout: Path) -> str:
    """Changes against the last commit, at most `MAX_DIFF_BYTES`; "" without git or changes."""
    command = ["git", "-C", str(checkout), "diff", "--no-ext-diff", "--no-color", "HEAD", "--", "."]
    env = {**os.environ, "GIT_OPTIONAL_LOCKS": "0"}
    try:
        found = subprocess.run(
            command,
            capture_output=True,
            timeout=GIT_S,
            env=env,
            check=True,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    raw = found.stdout
    if len(raw) > MAX_DIFF_BYTES:
        note = f"\n[cut: {len(raw)} bytes in all]\n"
        return raw[:MAX_DIFF_BYTES].decode("utf-8", "replace") + note
    return raw.decode("utf-8", "replace")


def tokenizer_sha256(base_dir: str) -> str:
    """Digest of the base folder's tokenizer, "" when there is none: a checkpoint is worthless with
    another tokenizer, and nanochat checks the vocabulary's size only."""
    for name in _TOKENIZERS:
        path = expand(base_dir) / "tokenizer" / name
        try:
            with path.open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest()
        except OSError:
            continue
    return ""
