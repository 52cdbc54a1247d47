"""The shim's parts: its journal on a full disk, why a command ended, and whose pid it is."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from nanochat_host.core import aftermath, wire
from nanochat_host.core.shim import procs
from nanochat_host.core.shim.journal import Journal
from nanochat_host.core.shim.lastwords import MAX_REASON, hook_exit_code, last_words

TRACEBACK = """step 00001 | loss: 3.1
Traceback (most recent call last):
  File "a.py", line 3, in <module>
    main()
FileNotFoundError: no tokenizer.pkl
"""
TORCHRUN = """[rank0]: Traceback (most recent call last):
[rank0]:   File "a.py", line 3, in <module>
[rank0]: AssertionError: 6 is not divisible by 4
W1122 torch/distributed/elastic: Sending process 12 closing signal SIGTERM
Traceback (most recent call last):
  File "/x/torchrun", line 8, in <module>
torch.distributed.elastic.multiprocessing.errors.ChildFailedError:
============================================================
"""


@pytest.mark.parametrize(
    ("log", "why"),
    [
        (TRACEBACK, "FileNotFoundError: no tokenizer.pkl"),
        (TORCHRUN, "AssertionError: 6 is not divisible by 4"),
        ("saving\nCUDA error: out of memory\n\n-----\n", "CUDA error: out of memory"),
        ("50%\rKilled by me\x1b[0m\r", "Killed by me [0m"),
        ("", ""),
        ("\n \n===\n", ""),
    ],
)
def test_last_words(tmp_path: Path, log: str, why: str) -> None:
    (tmp_path / "out.log").write_text(log)
    assert last_words(str(tmp_path / "out.log")) == why


def test_last_words_are_of_this_command_and_bounded(tmp_path: Path) -> None:
    path = tmp_path / "out.log"
    path.write_bytes(b"RuntimeError: of the stage before\n" + b"\xff\xfe" + b"x" * 5000)
    assert len(last_words(str(path), start=34)) == MAX_REASON
    assert last_words(str(tmp_path / "none")) == ""


@pytest.mark.parametrize(
    ("events", "code"),
    [
        ([{"what": "stage", "index": 1}, {"what": "end", "exit_code": 0}], 0),
        ([{"what": "end", "exit_code": 0}, {"what": "stage", "index": 1}], None),
        ([{"what": "stage", "index": 1}, {"what": "error", "type": "E"}], 1),
        ([{"what": "error"}, {"what": "end", "exit_code": 3}], 3),
        ([{"what": "start"}], None),
    ],
)
def test_the_hook_s_last_word(tmp_path: Path, events: list[dict[str, object]], code: int) -> None:
    lines = [json.dumps({"ts": 1, "kind": "state", **event}) for event in events]
    path = tmp_path / "events.jsonl"
    path.write_text("\n".join(["torn {", "[1]", *lines, '{"kind": "state", "what": "en']))
    assert hook_exit_code(str(path), 1) == code


def test_journal_keeps_what_the_disk_refuses(tmp_path: Path) -> None:
    folder = tmp_path / "gone"
    journal = Journal(str(folder), {"state": "starting"})
    journal.set(state="running", pid=5)
    journal.event("log", text="one")
    journal.event("log", text="two")
    assert journal.behind
    folder.mkdir()
    assert journal.flush() and not journal.behind
    assert json.loads((folder / "state.json").read_text()) == {"state": "running", "pid": 5}
    lines = (folder / "events.jsonl").read_text().splitlines()
    assert [json.loads(line)["text"] for line in lines] == ["one", "two"]


def test_journal_repeats_a_torn_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal(str(tmp_path), {})
    real = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: real(fd, data[:10]))
    journal.event("log", text="whole")
    monkeypatch.undo()
    (tmp_path / "events.jsonl").open("a").write('{"other": 1}\n')  # the hook wrote meanwhile
    assert journal.behind and journal.flush()
    good = []
    for line in (tmp_path / "events.jsonl").read_text().splitlines():
        try:
            good.append(json.loads(line))
        except ValueError:
            continue
    assert [event["text"] for event in good if "text" in event] == ["whole"]


def test_a_process_is_more_than_its_pid() -> None:
    me, start = os.getpid(), procs.start_ticks(os.getpid())
    assert procs.is_alive(me, start) and not procs.is_alive(me, start + 1)
    assert not procs.is_alive(0, 0) and not procs.is_alive(1, 0)
    assert procs.open_pidfd(me, start + 1) is None
    status = wire.RunStatus("running", pid=me, pid_start=start, boot_id=procs.boot_id())
    assert aftermath.trainer_is_alive(status)
    status.boot_id = "another boot"
    assert not aftermath.trainer_is_alive(status)
