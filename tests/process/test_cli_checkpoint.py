"""`nanochat-cli checkpoint`, `complete` and `chat` as a person uses them, on a fake checkout."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from cli_rig import Cli
from fake_speaker import make_speaker
from nanochat_host.paths import Paths

sys.path.insert(0, str(Path(__file__).parents[1] / "unit"))
import fake_weights as fake

sys.path.pop(0)


class CliWithBase(Cli):
    """base: the checkout's base folder."""

    def __init__(self, folder: Path) -> None:
        super().__init__(Paths(folder / "home"))
        self.base = folder / "base"


@pytest.fixture(scope="module")
def cli(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CliWithBase]:
    home = tmp_path_factory.mktemp("cli-checkpoint")
    speaker = make_speaker(home / "speaker")
    run = CliWithBase(home)
    words = ["--name", "sp", "--python", sys.executable, "--base-dir", str(run.base)]
    run("checkout", "add", str(speaker), *words)
    fake.save(run.base / "tokenizer" / "token_bytes.pt", {"sizes": fake.Weight((64,))})
    yield run
    run.close()


def at(*words: str) -> list[str]:
    return [*words, "--checkout", "sp"]


def test_list_show_and_check(cli: CliWithBase) -> None:
    options = {"depth": 2, "resume_from_step": -1}
    fake.checkpoint(cli.base, tag="d2", step=20, ranks=2, user_config=options)
    (fake.checkpoint(cli.base, tag="half", step=5) / "model_000005.pt").write_bytes(b"")
    text = cli(*at("checkpoint", "list")).out
    assert "base/half/000005  broken" in text and "model_000005.pt is empty" in text
    rows = cli(*at("checkpoint", "list", "--tag", "d2", "--json")).data["checkpoints"]
    assert [(r["id"], r["state"], r["ranks"]) for r in rows] == [("base/d2/000020", "whole", 2)]
    shown = cli(*at("checkpoint", "show", "d2")).out
    assert "optimizer over 2 ranks" in shown and "--set resume_from_step=20" in shown
    good = at("checkpoint", "check", "d2", "--no-probe")
    assert "can be resumed here" in cli(*good, "--nproc", "2", "--set", "depth=2").out
    bad = cli(*good, "--nproc", "1", "--set", "depth=4", code=2).out
    assert "checkpoint reshard base/d2/000020 --nproc 1" in bad and "set depth=2" in bad
    assert "is empty" in cli(*at("checkpoint", "check", "half"), code=2).out
    assert "did you mean" in cli(*at("checkpoint", "show", "base/d2/000021"), code=2).err


def test_a_swapped_tokenizer_is_found(cli: CliWithBase) -> None:
    fake.checkpoint(cli.base, tag="tok", step=1)
    check = at("checkpoint", "check", "tok", "--no-probe")
    file = cli.base / "tokenizer" / "token_bytes.pt"
    whole = file.read_bytes()
    try:
        fake.save(file, {"sizes": fake.Weight((65,))})
        assert "it knows 64 tokens, the tokenizer" in cli(*check, code=2).out
        file.unlink()
        assert "there is no tokenizer" in cli(*check, code=2).out
    finally:
        file.write_bytes(whole)
    pickled = cli.base / "tokenizer" / "tokenizer.pkl"
    pickled.write_bytes(b"newer than the checkpoint")
    os.utime(pickled, (2**31, 2**31))
    assert "newer than the checkpoint" in cli(*check).out
    pickled.unlink()


def test_delete_asks_first_and_takes_whole_ids_only(cli: CliWithBase) -> None:
    for step in (1, 2, 3):
        folder = fake.checkpoint(cli.base, tag="gone", step=step)
    error = cli(*at("checkpoint", "delete", "--tag", "gone", "--keep-last", "1"), code=2).err
    assert "2 checkpoints" in error and "--yes" in error
    assert len(list(folder.glob("model_*"))) == 3
    assert "whole id" in cli(*at("checkpoint", "delete", "gone", "--yes"), code=2).err
    cli(*at("checkpoint", "delete", "--yes"), code=2)
    assert (
        "deleted 2"
        in cli(*at("checkpoint", "delete", "--tag", "gone", "--keep-last", "1", "--yes")).out
    )
    assert [p.name for p in folder.glob("model_*")] == ["model_000003.pt"]
    done = cli(*at("checkpoint", "delete", "base/gone/000003", "--yes", "--json")).data
    assert done["done"] and not folder.exists()


def test_a_failed_conversion_leaves_nothing_behind(cli: CliWithBase) -> None:
    folder = fake.checkpoint(cli.base, tag="conv", step=1)
    before = sorted(path.name for path in folder.parent.iterdir())
    error = cli(*at("checkpoint", "reshard", "conv", "--nproc", "2"), code=2).err
    assert "cannot be converted" in error  # the fake checkout's torch cannot load anything
    error = cli(*at("checkpoint", "reshard", "conv", "--nproc", "1"), code=2).err
    assert "is for 1 already" in error and "another number" in error
    assert sorted(path.name for path in folder.parent.iterdir()) == before


def test_report_lists_what_was_measured(cli: CliWithBase) -> None:
    fake.checkpoint(cli.base, tag="card", step=7)
    card = cli(*at("checkpoint", "report", "--json")).data
    assert any((row["tag"], row["step"]) == ("card", 7) for row in card["rows"])
    assert "card" in cli(*at("checkpoint", "report")).out


def test_complete_streams_and_two_stand_under_each_other(cli: CliWithBase) -> None:
    fake.checkpoint(cli.base, tag="say", step=1)
    fake.checkpoint(cli.base, tag="say", step=2)
    text = cli(*at("complete", "hello there", "-c", "say")).out
    assert cli(*at("complete", "-p", "hello there", "-c", "say")).out == text
    twice = cli(*at("complete", "a", "-p", "b", "-c", "say"), code=2)
    assert "one, with or without -p" in twice.err
    assert text == "hello therehello there\n"
    both = cli(*at("complete", "hi SEED", "-c", "say/1", "--vs", "say/2", "--seed", "5")).out
    assert both == "── base/say/000001\nhi 5\n── base/say/000002\nhi 5\n"
    lines = cli(*at("complete", "x", "-c", "say", "--json")).out.splitlines()
    assert [json.loads(line)["event"] for line in lines][-2:] == ["end", "done"]


def test_chat_keeps_transcripts(cli: CliWithBase) -> None:
    fake.checkpoint(cli.base, "chatsft", "say", 1)
    assert cli(*at("chat", "-c", "sft", "-p", "first words")).out == "first words\n"
    assert cli(*at("chat", "--resume", "last", "-p", "TURNS turns")).out == "2 turns\n"
    assert "first words" in cli("chat", "--show", "last").out
    (found,) = cli("chat", "--search", "first words", "--json").data
    assert found["turns"] == 2
    assert found["id"] in cli("chat", "--list").out
    assert "--yes" in cli("chat", "--delete", "last", code=2).err
    cli("chat", "--delete", "last", "--yes")
    assert "nobody said" in cli("chat", "--search", "first words").out
    assert "terminal" in cli(*at("chat"), code=2).err


def test_what_fails_is_one_line(cli: CliWithBase) -> None:
    assert "there is no checkpoint" in cli(*at("chat", "-c", "nope", "-p", "x"), code=2).err
    fake.checkpoint(cli.base, tag="shapes", step=1, broken="shapes")
    failed = cli(*at("complete", "x", "-c", "shapes"), code=1)
    assert "Missing key(s)" in failed.err and "checkpoint check" in failed.err
    assert len(failed.err.splitlines()) == 2


def test_prune_keeps_the_newest_and_the_best(cli: CliWithBase) -> None:
    for step, loss in ((1, 2.0), (2, 0.5), (3, 1.5), (4, 1.0), (5, 1.2)):
        fake.checkpoint(cli.base, tag="long", step=step, val_bpb=loss)
    words = at("checkpoint", "prune", "--tag", "long", "--keep", "2", "--keep-best")
    refused = cli(*words, code=2)
    assert "base/long/000001" in refused.out and "base/long/000002" not in refused.out
    assert "2 checkpoints" in refused.err and "--yes" in refused.err
    done = cli(*words, "--yes", "--json").data
    assert [c["step"] for c in done["delete"]] == [1, 3]
    left = cli(*at("checkpoint", "list", "--tag", "long", "--json")).data["checkpoints"]
    assert [c["step"] for c in left] == [2, 4, 5]
    nothing = cli(*at("checkpoint", "prune", "--tag", "long", "--keep", "0"), code=2)
    assert "keeps nothing" in nothing.err
