"""Text and tokenizer: told from files, and a download that brought nothing is a failed run."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from core_rig import until
from nanochat_host.cli import main
from nanochat_host.core import calls_setup as calls
from nanochat_host.core.wire import StartRun
from nanochat_host.core.wire_setup import DataStatus, SetupStatus
from setup_rig import SetupRig


@pytest.fixture
def rig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SetupRig]:
    rig = SetupRig(tmp_path)
    monkeypatch.setenv("NANOCHAT_CLI_HOME", str(rig.paths.home))
    with rig.started():
        yield rig


def status(rig: SetupRig) -> DataStatus:
    return rig.client.ask(calls.data("fake"))


def items(found: SetupStatus) -> dict[str, str]:
    return {item.id: item.state for item in found.items}


def test_a_download_that_brought_nothing_is_a_failed_run(rig: SetupRig) -> None:
    run = rig.start_run("dataset", num_files=2, mirror=str(rig.mirror))
    facts = rig.ended(run).facts
    assert facts.state == "failed"
    assert "nothing was downloaded" in facts.reason
    assert "Done! Downloaded: 0/3" in run.out_log.read_text()
    assert status(rig).shards == 0


def test_a_download_without_the_validation_shard_or_with_fewer_fails(rig: SetupRig) -> None:
    rig.offer(0, 1)
    facts = rig.ended(rig.start_run("dataset", num_files=2, mirror=str(rig.mirror))).facts
    assert facts.state == "failed" and "shard_00009.parquet is missing" in facts.reason
    assert "shard_00009.parquet is missing" in status(rig).trouble
    rig.offer(9)
    facts = rig.ended(rig.start_run("dataset", num_files=4, mirror=str(rig.mirror))).facts
    assert facts.state == "failed" and "2 of 5 shards are missing" in facts.reason
    facts = rig.ended(rig.start_run("dataset", num_files=2, mirror=str(rig.mirror))).facts
    assert facts.state == "done"
    found = status(rig)
    assert (found.shards, found.wanted, found.available) == (3, 3, 10)
    assert (found.validation, found.pinned, found.trouble) == ("shard_00009.parquet", True, "")


def test_progress_is_what_lies_in_the_folder(rig: SetupRig) -> None:
    rig.offer(0, 1, 2, 9)
    run = rig.start_run("dataset", num_files=3, mirror=str(rig.mirror), go=str(rig.go))
    found = until(lambda: (s := status(rig)).shards == 2 and s, "two shards are there")
    assert (found.run, found.wanted) == (run.run_id, 4)
    (line,) = [i for i in rig.client.ask(calls.status("fake")).items if i.id == "dataset"]
    assert (line.state, line.done, line.total, line.run) == ("busy", 2, 4, run.run_id)
    rig.go.touch()
    assert rig.ended(run).facts.state == "done"
    assert status(rig).run == ""


def test_a_torn_shard_is_found_by_its_content(rig: SetupRig) -> None:
    rig.offer(0, 1, 9)
    rig.ended(rig.start_run("dataset", num_files=2, mirror=str(rig.mirror)))
    whole = (rig.data / "shard_00001.parquet").read_bytes()
    (rig.data / "shard_00001.parquet").write_bytes(whole[:-20])
    (rig.data / "shard_00002.parquet.tmp").write_bytes(whole[:100])
    found = status(rig)
    assert [(s.name, s.trouble) for s in found.broken] == [
        ("shard_00001.parquet", "it does not end like a Parquet file")
    ]
    assert [s.name for s in found.unfinished] == ["shard_00002.parquet.tmp"]
    assert items(rig.client.ask(calls.status("fake", wait=True)))["dataset"] == "broken"
    facts = rig.ended(rig.start_run("dataset", num_files=1, mirror=str(rig.mirror))).facts
    assert facts.state == "failed" and "shard_00001.parquet is damaged" in facts.reason


def test_an_older_data_set_is_named_and_not_taken_for_this_one(rig: SetupRig) -> None:
    rig.offer(0)
    older = rig.base / "base_data"
    older.mkdir(parents=True)
    (rig.mirror / "shard_00000.parquet").rename(older / "shard_00000.parquet")
    found = status(rig)
    assert found.older == str(older) and str(older) in found.trouble


def test_the_tokenizer_says_who_trained_it_and_its_true_size(rig: SetupRig) -> None:
    assert "there is no tokenizer" in (status(rig).tokenizer or pytest.fail()).trouble
    folder = rig.base / "tokenizer"
    script = rig.checkout / "scripts" / "tok_train.py"
    words = {"model": {"vocab": {f"w{n}": n for n in range(300)}}}
    script.write_text(
        script.read_text().replace(
            'print("vocab"',
            f"import os; os.makedirs({str(folder)!r}, exist_ok=True)\n"
            f"open({str(folder / 'tokenizer.json')!r}, 'w').write({json.dumps(words)!r})\n"
            'print("vocab"',
        )
    )
    wish = StartRun("fake", "tok_train", options={"vocab_size": 512}, force=True)
    run = rig.paths.run(rig.client.start_run(wish).facts.id)
    assert rig.ended(run).facts.state == "done"
    found = status(rig).tokenizer or pytest.fail()
    assert (found.vocab_size, found.asked, found.run) == (300, 512, run.run_id)
    assert found.trouble == "" and len(found.sha256) == 64
    (line,) = [i for i in rig.client.ask(calls.status("fake")).items if i.id == "tokenizer"]
    assert line.said.startswith("300 tokens of 512 asked for")


def test_data_from_the_command_line(
    rig: SetupRig, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["data", "download", "fake", "--shards", "1"]) == 1
    assert "nothing was downloaded" in capsys.readouterr().err
    rig.offer(0, 9)
    rig.data.mkdir(parents=True, exist_ok=True)
    for file in rig.mirror.iterdir():
        file.rename(rig.data / file.name)
    assert main(["data", "status", "fake"]) == 0
    assert "validation shard_00009.parquet" in capsys.readouterr().out
    assert main(["data", "download", "fake", "--shards", "1", "--detach", "--json"]) == 0
    run = json.loads(capsys.readouterr().out)["id"]
    assert rig.ended(rig.paths.run(run)).facts.state == "done"
    assert main(["run", "export", run]) == 0
    exported = capsys.readouterr().out
    assert "-m nanochat.dataset --num-files=1" in exported and "verify" not in exported
    assert main(["checkout", "setup", "fake", "--json"]) == 0
    found = {item["id"]: item for item in json.loads(capsys.readouterr().out)["items"]}
    assert found["dataset"]["state"] == "ready"
    assert found["tokenizer"]["state"] == "missing"
