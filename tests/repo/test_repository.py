"""The repository keeps its own rules."""

from __future__ import annotations

import ast
import re
import statistics
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MAX_LINES = 500
MAX_MEDIAN = 120
SOURCES = ("sdk/src", "host/src", "builtin_panels/src", "mc_plugin/src", "tiny_nanochat")


def tracked() -> list[Path]:
    """Files git would carry: tracked, and new ones it does not ignore."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, check=True,
    ).stdout  # fmt: skip
    return [p for name in listing.decode().split("\0") if name and (p := ROOT / name).is_file()]


def modules() -> list[Path]:
    return [
        p for p in tracked() if p.suffix == ".py" and str(p.relative_to(ROOT)).startswith(SOURCES)
    ]


def test_no_file_is_too_long() -> None:
    lengths = {p: len(p.read_text().splitlines()) for p in tracked() if p.suffix == ".py"}
    too_long = {str(p.relative_to(ROOT)): n for p, n in lengths.items() if n > MAX_LINES}
    assert not too_long
    assert len((ROOT / "host/src/nanochat_host/ui/app.py").read_text().splitlines()) <= 300


def test_the_median_file_is_short() -> None:
    lengths = [n for p in modules() if (n := len(p.read_text().splitlines())) > 5]
    assert statistics.median(lengths) <= MAX_MEDIAN


def test_every_module_says_what_it_is_for() -> None:
    silent = [
        str(p.relative_to(ROOT))
        for p in modules()
        if not ast.get_docstring(ast.parse(p.read_text()))
    ]
    assert not silent


@pytest.mark.parametrize(
    ("what", "pattern"),
    [
        ("a path of one machine", re.compile(r"(?<![\w.])/(?:work|root|home/\w+/src)/\w")),
        (
            "a registry's address",
            re.compile(r"https?://(?:pypi|files\.pythonhosted|registry\.npmjs)"),
        ),
        ("unfinished work", re.compile(r"\b(?:TODO|FIXME|XXX|raise NotImplementedError)\b")),
    ],
)
def test_nothing_tracked_holds(what: str, pattern: re.Pattern[str]) -> None:
    here = Path(__file__)
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in tracked()
        if path != here and path.suffix in {".py", ".toml", ".md", ".sh", ".tcss", ".yaml", ""}
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1)
        if pattern.search(line)
    ]
    assert not found, what


def test_every_dependency_has_a_line_in_the_readme() -> None:
    import tomllib

    readme = (ROOT / "README.md").read_text()
    names: set[str] = set()
    for file in (
        "pyproject.toml",
        "sdk/pyproject.toml",
        "host/pyproject.toml",
        "builtin_panels/pyproject.toml",
        "mc_plugin/pyproject.toml",
    ):
        data = tomllib.loads((ROOT / file).read_text())
        project = data["project"]
        wanted = list(project["dependencies"])
        for extra in project.get("optional-dependencies", {}).values():
            wanted += extra
        names |= {re.split(r"[<>=!~ \[]", d)[0] for d in wanted}
    missing = {n for n in names if not n.startswith("nanochat-cli") and f"`{n}`" not in readme}
    assert not missing
