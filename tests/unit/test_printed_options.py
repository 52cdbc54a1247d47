"""Options of a run that somebody else started, as its log prints them."""

from __future__ import annotations

import gzip
from pathlib import Path

from nanochat_host.core.recording import Recording, printed_options

HEAD = """\
   ▄▄ nanochat ▄▄
Overriding: depth = 4
Overriding: matrix_lr = 2e-2
Overriding: mc_log_timers = 1
Overriding: compile = False
Overriding: run = 007
Overriding: note = __import__('os') = x
Overriding: mc_log_timers = 0
step 00000/00030 (0.00%) | loss: 4.1 | lrm: 1.00 | dt: 9.0ms | tok/sec: 1 | mfu: 0 | total time: 0m
"""


def test_the_last_value_of_each_counts_and_numbers_are_numbers(tmp_path: Path) -> None:
    log = tmp_path / "train.log"
    log.write_text(HEAD)
    assert printed_options(log) == {
        "depth": 4, "matrix_lr": 0.02, "mc_log_timers": 0, "compile": False, "run": "007",
        "note": "__import__('os') = x",
    }  # fmt: skip
    assert Recording([log]).options() == printed_options(log)


def test_only_the_head_is_read_and_what_cannot_be_read_says_nothing(tmp_path: Path) -> None:
    late, torn = tmp_path / "late.log", tmp_path / "torn.log.gz"
    late.write_text("x\n" * 500 + "Overriding: depth = 4\n")
    wide = tmp_path / "wide.log"
    wide.write_text("x" * 2**20 + "\nOverriding: depth = 4\n")
    assert printed_options(wide) == {}
    torn.write_bytes(gzip.compress(HEAD.encode())[:40])
    assert printed_options(late) == printed_options(torn) == {}
    assert printed_options(tmp_path / "none.log") == {}
