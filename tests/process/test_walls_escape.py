"""The escape cases of this repository, against real workers and in the control without walls."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from nanochat_host.packs.sandbox.level import Level, level_of
from nanochat_host.packs.walls import describe_walls

pytestmark = pytest.mark.timeout(600)
RUNNER = Path(__file__).parent.parent / "escape"


def escape(*options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, RUNNER, RUNNER / "cases", *options],
        capture_output=True,
        text=True,
        timeout=500,
    )


@pytest.mark.parametrize("highest", [Level.STRICT, Level.FULL])
def test_every_case_holds(highest: Level) -> None:
    here = level_of({name: state for name, (state, _holds) in describe_walls().items()})
    if here is Level.NONE:
        pytest.skip("this kernel has no Landlock or no seccomp: there is nothing to break out of")
    run = escape("--layers", highest)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "0 got through" in run.stdout


def test_without_walls_the_cases_get_through() -> None:
    run = escape("--layers", "none")
    assert run.returncode == 0, run.stdout + run.stderr
    assert "0 held" in run.stdout


def test_a_case_that_gets_through_is_told_and_fails_the_run(tmp_path: Path) -> None:
    (tmp_path / "cases.toml").write_text(
        '[[case]]\nid = "x"\ngroup = "g"\nkind = "attempt"\nfile = "x.py"\n'
        'tries = "t"\nmust_hold = "m"\ncontrol = "n/a"\n'
    )
    (tmp_path / "x.py").write_text("def attempt(ctx): return 'ESCAPED: so it says'\n")
    run = subprocess.run([sys.executable, RUNNER, tmp_path], capture_output=True, text=True)
    assert run.returncode == 1
    assert "!! through" in run.stdout
