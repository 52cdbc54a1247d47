"""Libraries fetched by pip, in a process that is thrown away: exact versions, hashes demanded,
wheels only, nothing resolved, nothing run. Only when the person asks for it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from nanochat_host.packs.install.limits import RefusedPackError
from nanochat_host.packs.install.wheels import Wheel

_TIMEOUT_S = 600
_PASSED_ON = ("PATH", "HOME", "LANG", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR")
_PASSED_ON_BY_PREFIX = ("PIP_", "REQUESTS_", "http", "HTTP", "no_proxy", "NO_PROXY")


def download(wheels: Sequence[Wheel], folder: Path) -> None:
    """Put the wheels into the folder, from where the person's pip gets its packages.

    Raises RefusedPackError with pip's own last word.
    """
    if find_spec("pip") is None:
        raise RefusedPackError(
            "this Python has no pip to download with",
            f"get {wheels[0].file} yourself and name its folder with --wheels",
        )
    wanted = folder / "wanted.txt"
    wanted.write_text("".join(f"{w.name}=={w.version} --hash=sha256:{w.sha256}\n" for w in wheels))
    command = [
        *(sys.executable, "-I", "-m", "pip", "download", "--quiet", "--disable-pip-version-check"),
        *("--require-hashes", "--only-binary", ":all:", "--no-deps", "--no-input"),
        *("--requirement", str(wanted), "--dest", str(folder)),
    ]
    environment = {
        name: value
        for name, value in os.environ.items()
        if name in _PASSED_ON or name.startswith(_PASSED_ON_BY_PREFIX)
    }
    try:
        done = subprocess.run(
            command, env=environment, cwd=folder, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, errors="replace", timeout=_TIMEOUT_S, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise RefusedPackError(f"pip took longer than {_TIMEOUT_S} s", "try again") from None
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if line.strip()] or ["it did not say why"]
        why = next((line for line in said if line.startswith("ERROR")), said[-1])
        raise RefusedPackError(
            f"pip could not download the libraries: {why.removeprefix('ERROR: ')[:200]}",
            "get the files yourself and name their folder with --wheels",
        )
