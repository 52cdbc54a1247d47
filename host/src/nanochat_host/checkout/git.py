"""The commit of a checkout. Never fails: a folder without git has none."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

TIMEOUT_S = 2.0


def commit_of(path: Path) -> tuple[str, bool]:
    """(commit, whether tracked files below `path` differ from it); ("", False) outside git or when
    git is missing, refuses or takes too long."""
    command = [
        "git",
        "-c",
        "core.fsmonitor=false",  # a repository may name a program there
        "-C",
        str(path),
        "status",
        "--porcelain=v2",
        "--branch",
        "--untracked-files=no",
        "--ignore-submodules=all",
        "--",
        ".",
    ]
    env = {**os.environ, "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=TIMEOUT_S, env=env, check=True
        )
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError):
        return "", False
    commit, dirty = "", False
    for line in done.stdout.splitlines():
        if line.startswith("# branch.oid "):
            commit = line.removeprefix("# branch.oid ")
        elif not line.startswith("#"):
            dirty = True
    return ("" if commit == "(initial)" else commit), dirty
