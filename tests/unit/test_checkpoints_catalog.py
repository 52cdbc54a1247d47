"""The list: every stage and layout, what is incomplete, and how long a thousand take."""

from __future__ import annotations

import json
from pathlib import Path

import fake_weights as fake
import pytest
from nanochat_host.core.checkpoints import keep
from nanochat_host.core.checkpoints.catalog import Catalog, Listed
from nanochat_host.core.checkpoints.find import exactly, find
from nanochat_host.core.checkpoints.inspect import inspect
from nanochat_host.core.checkpoints.results import report_card
from nanochat_host.core.wire_checkpoints import KeepRule
from nanochat_host.errors import NotFoundError, UsageError
from pace import cpu_s


def read(base: Path) -> dict[str, Listed]:
    return {item.info.id: item for item in Catalog().read(base)}


def test_all_stages_tags_and_layouts_are_listed_in_order(tmp_path: Path) -> None:
    for kind, tag, step in (
        ("chatrl", "d4", 5), ("chatsft", "d4", 30), ("sft", "d4", 7), ("mid", "d2", 1),
        ("base", "d4", 20), ("base", "d4", 3), ("distill", "x", 1),
    ):  # fmt: skip
        fake.checkpoint(tmp_path, kind, tag, step)
    old = fake.checkpoint(tmp_path, "base", "old", 4)  # before the rank was in the name
    (old / "optim_000004_rank0.pt").rename(old / "optim_000004.pt")
    (old / "notes.txt").write_text("mine")
    (tmp_path / "base_checkpoints" / "empty").mkdir()
    fake.checkpoint(tmp_path, "base", ".d4_w2.unfinished", 20)  # a conversion under way
    found = read(tmp_path)
    assert list(found) == [
        *("base/d4/000003", "base/d4/000020", "base/old/000004", "mid/d2/000001"),
        *("sft-early/d4/000007", "sft/d4/000030", "rl/d4/000005", "distill/x/000001"),
    ]
    assert {item.info.state for item in found.values()} == {"whole"}
    assert found["base/old/000004"].info.ranks == 1
    assert Catalog().read(tmp_path / "nowhere") == []


def test_half_a_checkpoint_says_which_half(tmp_path: Path) -> None:
    folder = fake.checkpoint(tmp_path, step=1, ranks=4)
    (folder / "optim_000001_rank2.pt").unlink()
    fake.checkpoint(tmp_path, step=2)
    whole = (folder / "model_000002.pt").read_bytes()
    (folder / "model_000002.pt").write_bytes(whole[:-500])
    fake.checkpoint(tmp_path, step=3)
    (folder / "model_000003.pt").unlink()
    fake.checkpoint(tmp_path, step=4)
    (folder / "meta_000004.json").write_text('{"step": 4, "model_c')
    fake.checkpoint(tmp_path, step=5)
    (folder / "optim_000005_rank0.pt").write_bytes(b"")
    fake.checkpoint(tmp_path, step=6, ranks=0)
    fake.checkpoint(tmp_path, step=7, ranks=2)
    fake.save(folder / "optim_000007_rank2.pt", fake.adamw(1))  # left from a run with other ranks
    rows = [(i.info.state, " ".join(i.info.problems)) for i in Catalog().read(tmp_path)]
    assert rows[0] == ("weights", "optimizer files of rank 2 are missing")
    assert rows[1][0] == "broken" and "model_000002.pt is cut short" in rows[1][1]
    assert rows[2] == ("broken", "model_000003.pt is missing")
    assert rows[3][0] == "broken" and "meta_000004.json cannot be read" in rows[3][1]
    assert rows[4] == ("weights", "optim_000005_rank0.pt is empty")
    assert rows[5] == ("weights", "")
    assert rows[6][0] == "weights" and "differ in size" in rows[6][1]


def test_metadata_with_infinity_is_read_and_comes_out_as_json(tmp_path: Path) -> None:
    fake.checkpoint(tmp_path, val_bpb=float("inf"), user_config={"lr": float("nan"), "depth": 2})
    item = read(tmp_path)["base/d2/000010"]
    assert item.info.metrics == {}
    detail = inspect(item)
    assert json.loads(json.dumps(detail.meta, allow_nan=False))["val_bpb"] == "inf"
    assert detail.options["depth"] == 2


def test_ranks_are_read_from_the_shapes(tmp_path: Path) -> None:
    for ranks in (1, 2, 4):
        fake.checkpoint(tmp_path, tag=f"w{ranks}", ranks=ranks)
    for tag, item in ((i.info.tag, i) for i in Catalog().read(tmp_path)):
        detail = inspect(item)
        assert f"w{detail.world_size}" == tag
        assert detail.sharded
        assert detail.params == 64 * 32 * 2 + 4
        assert detail.findings == []
    folder = fake.checkpoint(tmp_path, tag="mixed", ranks=2)
    for rank in range(2):  # two ranks' files of a run that had four
        fake.save(folder / f"optim_000010_rank{rank}.pt", fake.adamw(4))
    codes = [f.code for f in inspect(read(tmp_path)["base/mixed/000010"]).findings]
    assert codes == ["ranks_mixed"]


def test_a_checkpoint_is_found_by_its_parts(tmp_path: Path) -> None:
    for tag, step in (("d2", 10), ("d2", 20), ("d4", 10)):
        fake.checkpoint(tmp_path, tag=tag, step=step)
    listed = Catalog().read(tmp_path)
    assert find(listed, "base/d2/000010", "").info.id == "base/d2/000010"
    assert find(listed, "d2", "").info.id == "base/d2/000020"
    assert find(listed, "d2/10", "").info.id == "base/d2/000010"
    assert find(listed, "last", "").info.id == "base/d4/000010"
    with pytest.raises(NotFoundError, match=r"did you mean `d4`|there are"):
        find(listed, "d44", "")
    with pytest.raises(NotFoundError, match="train first"):
        find([], "last", "/base")
    with pytest.raises(UsageError, match="whole id"):
        exactly(listed, ["d2"])


def test_retention_keeps_the_newest_the_best_and_every_nth(tmp_path: Path) -> None:
    for step, bpb in ((10, 0.9), (20, 0.5), (30, 0.8), (40, 0.7)):
        fake.checkpoint(tmp_path, step=step, val_bpb=bpb)
    fake.checkpoint(tmp_path, tag="other", step=1)
    (tmp_path / "base_checkpoints/d2/model_000040.pt").write_bytes(b"PK\x03\x04 and no end")

    def gone(**rule: int) -> list[int]:
        items = [i for i in Catalog().read(tmp_path) if i.info.tag == "d2"]
        return [i.info.step for i in keep.chosen_by(KeepRule(**rule), items)]

    assert gone(last=1) == [10, 20, 40]  # the broken one is never the newest
    assert gone(best=1) == [10, 30, 40]
    assert gone(every=20) == [10, 30, 40]
    assert gone(last=1, best=1, every=10) == [40]


def test_deleting_removes_these_files_only(tmp_path: Path) -> None:
    folder = fake.checkpoint(tmp_path, step=1, ranks=2)
    fake.checkpoint(tmp_path, step=2)
    (folder / "notes.txt").write_text("mine")
    items = read(tmp_path)
    keep.remove([items["base/d2/000001"]])
    names = {path.name for path in folder.iterdir()}
    assert names == {"notes.txt", *(f.path.name for f in items["base/d2/000002"].files.files)}
    keep.remove([items["base/d2/000002"]])
    assert [path.name for path in folder.iterdir()] == ["notes.txt"]


def test_a_thousand_are_listed_within_a_second_and_then_from_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = fake.checkpoint(tmp_path, tag="t0", step=0)
    raw = {name: (first / name).read_bytes() for name in (p.name for p in first.iterdir())}
    for number in range(1, 1000):
        folder = tmp_path / "base_checkpoints" / f"t{number % 50}"
        folder.mkdir(exist_ok=True)
        for name, data in raw.items():
            (folder / name.replace("000000", f"{number:06d}")).write_bytes(data)
    catalog = Catalog()
    assert cpu_s(lambda: catalog.listing("x", tmp_path)) < 1.0
    listing = catalog.listing("x", tmp_path)
    assert len(listing.checkpoints) == 1000
    opened: list[str] = []
    monkeypatch.setattr(Path, "read_bytes", lambda path: opened.append(path.name))
    assert catalog.listing("x", tmp_path).checkpoints == listing.checkpoints
    assert opened == []
    monkeypatch.undo()
    (tmp_path / "base_checkpoints/t7/model_000007.pt").write_bytes(b"")
    states = {c.id: c.state for c in catalog.listing("x", tmp_path).checkpoints}
    assert states["base/t7/000007"] == "broken"


def test_the_report_card_holds_every_stage_and_the_tables_of_core(tmp_path: Path) -> None:
    fake.checkpoint(tmp_path, step=60, val_bpb=2.06)
    fake.checkpoint(tmp_path, step=40, val_bpb=2.5)
    fake.checkpoint(tmp_path, "chatsft", step=30, val_loss=1.9, mmlu_acc=0.25)
    (tmp_path / "base_eval").mkdir()
    (tmp_path / "base_eval" / "base_model_000060.csv").write_text(
        "Task                               , Accuracy  , Centered  \n"
        "toy_mc                             , 0.233333  , -0.022222 \n"
        "toy_nan                            , nan       , x \n"
        "CORE                               ,           , 0.242593  \n"
    )
    (tmp_path / "base_eval" / "notes.csv").write_text("not,a,table\n")
    card = report_card("x", tmp_path, Catalog().read(tmp_path))
    assert [(row.stage, row.step, row.metrics) for row in card.rows] == [
        ("base", 60, {"val_bpb": 2.06}),
        ("sft", 30, {"val_bpb": 1.0, "val_loss": 1.9, "mmlu_acc": 0.25}),
    ]
    (table,) = card.tables
    assert (table.core, table.checkpoints) == (0.242593, ["base/d2/000060"])
    assert [(row.task, row.centered) for row in table.tasks] == [
        ("toy_mc", -0.022222),
        ("toy_nan", None),
    ]
