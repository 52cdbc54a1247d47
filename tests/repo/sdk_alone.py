"""Installs the SDK into a fresh environment, alone, and renders a panel with it.

A script, not a test: it builds an environment, which `make sdk-alone` and CI do once.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = """
import importlib.metadata as metadata
from nanochat_sdk import Panel, Size, Text
from nanochat_sdk.testing import PanelDriver

class Hello(Panel):
    def render(self, size):
        return Text(lines=[[("hello", "primary")]])

shown = PanelDriver(Hello).text(20, 3)
assert "hello" in shown, shown
names = {d.metadata["Name"].lower() for d in metadata.distributions()}
extra = names - {"nanochat-cli-sdk", "msgspec", "pip", "setuptools"}
assert not extra, f"the SDK pulled in {extra}"
print("the SDK installs and renders alone:", sorted(names))
"""


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        python = str(Path(folder) / "bin" / "python")
        subprocess.run([python, "-m", "pip", "install", "--quiet", str(ROOT / "sdk")], check=True)
        return subprocess.run([python, "-c", PROGRAM], check=False, cwd=folder).returncode


if __name__ == "__main__":
    sys.exit(main())
