"""The hook runs in the trainer's Python, where nothing of ours is installed."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest
from nanochat_host.checkout.launch import HOOK_RUNNER

FILES = sorted(HOOK_RUNNER.parent.glob("*.py"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_it_imports_the_standard_library_and_itself_only(file: Path) -> None:
    tree = ast.parse(file.read_text(), feature_version=(3, 10))
    for node in tree.body:
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names = [node.module or ""]
        else:
            continue
        assert {name.split(".")[0] for name in names} <= sys.stdlib_module_names
    relative = [n for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) and n.level]
    assert all(n.level == 1 for n in relative)


def test_it_runs_without_site_packages_and_imports_nothing_heavy(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(
        "import sys\n"
        "unwanted = {'asyncio', 'logging', 'torch', 'msgspec', 'nanochat_host'}\n"
        "print(sorted(unwanted & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-S", str(HOOK_RUNNER), "script"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "[]\n", "")
