"""What `pack new` writes works as it is; `pack test` sees what changes and what breaks."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from nanochat_host.core.replay import Replay
from nanochat_host.errors import RefusedError, UsageError
from nanochat_host.packs.author import SAMPLE
from nanochat_host.packs.author.check import PanelReport, check_panel
from nanochat_host.packs.author.scaffold import new_pack
from nanochat_host.verbs.pack_author import _draw, pack_entries
from nanochat_host.verbs.panel import answer_of


def report_of(folder: Path, *, update: bool = False) -> PanelReport:
    """The report on the one panel of a pack."""
    (entry,) = pack_entries(folder)
    with Replay(SAMPLE) as replay:
        return check_panel(entry, lambda e, n: answer_of(replay, e, n), _draw, update=update)


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    new_pack(tmp_path / "pack", "loss-spread")
    return tmp_path / "pack"


def test_a_new_pack_draws_the_sample_and_survives_hostile_data(pack: Path) -> None:
    first = report_of(pack)
    assert first.wrong == [] and len(first.written) == 3 and first.hostile_frames > 100
    assert "train" not in (pack / "golden" / first.written[0]).read_text(), "a curve, no notice"
    assert report_of(pack).drawn == 3


def test_its_own_test_passes(pack: Path) -> None:
    env = {**os.environ, "PYTHONPATH": str(pack)}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(pack)],
        cwd=pack, env=env, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert "3 passed" in done.stdout, done.stdout + done.stderr


def test_another_picture_is_told_and_kept_only_when_asked(pack: Path) -> None:
    report_of(pack)
    code = pack / "loss_spread_panel.py"
    code.write_text(code.read_text().replace("fmt.fixed(newest)", "'now ' + fmt.fixed(newest)"))
    (first, *_) = report_of(pack).wrong
    assert re.match(r"40x10: line 1 was `[\d.]+` and is `now [\d.]+`; --update", first)
    assert len(report_of(pack, update=True).written) == 3
    assert report_of(pack).wrong == []


def test_a_panel_that_cannot_stand_one_point_is_caught_with_its_case(pack: Path) -> None:
    code = pack / "loss_spread_panel.py"
    code.write_text(
        code.read_text().replace("newest = values[-1]", "newest = values[-1] / (len(values) - 1)")
    )
    wrong = report_of(pack).wrong
    assert any("one point" in line and "ZeroDivisionError" in line for line in wrong), wrong
    assert len(wrong) <= 5


def test_a_panel_that_does_not_load_shows_its_traceback(pack: Path) -> None:
    (pack / "loss_spread_panel.py").write_text("import nowhere_to_be_found\n")
    assert all("nowhere_to_be_found" in line for line in report_of(pack).wrong)


def test_nothing_is_overwritten_and_ids_are_checked(pack: Path) -> None:
    with pytest.raises(RefusedError, match="exists"):
        new_pack(pack, "loss-spread")
    for wrong in ("Loss", "host", "a b", ""):
        with pytest.raises(UsageError, match="cannot be the id"):
            new_pack(pack.parent / "other", wrong)
    assert not (pack.parent / "other").exists()
