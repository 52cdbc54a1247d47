"""`python -m nanochat_host.core.setup.rustbpe PYTHON SOURCE BUILD`: older forks' tokenizer trainer.

Forks from before 2026 carry it as Rust source. It is built with maturin; where that cannot be
(no compiler, no crates within reach) the package that upstream took out of the same source is
installed instead.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

CARGO_HOME = Path.home() / ".cargo" / "bin"


def main(argv: list[str]) -> int:
    """argv: the environment's Python, the folder with Cargo.toml, a folder to build in. Exit code
    1 if there is no rustbpe in the end."""
    python, source, build = argv[0], Path(argv[1]), Path(argv[2])
    why_not = _build(python, source, build)
    if not why_not:
        print(f"built rustbpe from {source}", flush=True)
        return 0
    print(f"rustbpe was not built: {why_not}; taking the published package", flush=True)
    if _run([python, "-m", "pip", "install", "--progress-bar", "off", "rustbpe"]) == 0:
        return 0
    print(
        f"rustbpe was not built ({why_not}) and could not be installed: install Rust from "
        f"rustup.rs, or put a wheel there with `{python} -m pip install FILE`",
        file=sys.stderr,
        flush=True,
    )
    return 1


def _build(python: str, source: Path, build: Path) -> str:
    """Build and install. Returns why that failed, "" if it did not."""
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), str(CARGO_HOME)])
    if shutil.which("cargo", path=path) is None:
        return "there is no Rust compiler"
    if _run([python, "-m", "pip", "install", "--progress-bar", "off", "maturin"]) != 0:
        return "maturin could not be installed"
    # The checkout stays as it is: what Cargo makes goes elsewhere.
    env = {**os.environ, "PATH": path, "CARGO_TARGET_DIR": str(build / "target")}
    words = [python, "-m", "maturin", "build", "--release", "--interpreter", python]
    words += ["--manifest-path", str(source / "Cargo.toml"), "--out", str(build)]
    if _run(words, env) != 0:
        return "maturin failed, see above"
    wheels = sorted(build.glob("*.whl"), key=lambda wheel: wheel.stat().st_mtime)
    if not wheels:
        return "maturin made no wheel"
    install = [python, "-m", "pip", "install", "--no-deps", "--force-reinstall", str(wheels[-1])]
    return "" if _run(install) == 0 else "its wheel could not be installed"


def _run(words: list[str], env: dict[str, str] | None = None) -> int:
    """What it prints goes into the run's log as it comes."""
    try:
        return subprocess.run(words, env=env, stdin=subprocess.DEVNULL).returncode
    except OSError as error:
        print(f"{words[0]}: {error.strerror}", flush=True)
        return 127


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
