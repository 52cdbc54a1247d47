"""Routes about checkouts and runs: what they do, and how they refuse."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
from api_door import Door, open_door
from nanochat_host.core import calls, calls_config, run_folder
from nanochat_host.core.checkpoints.probes import START_PROBE_S
from nanochat_host.core.secrets.check import TIMEOUT_S
from nanochat_host.core.wire import AddCheckout, Control, StartRun, StopRun
from nanochat_host.core.wire_config import TargetWish
from nanochat_host.errors import NotFoundError, RefusedError, UsageError
from nanochat_sdk.data import LogQuery


@pytest.fixture
async def door() -> AsyncIterator[Door]:
    async with open_door() as door:
        yield door


async def test_health(door: Door) -> None:
    info = await door.client.health()
    assert (info.home, info.api, info.active_runs) == (str(door.paths.home), 1, 0)
    assert info.rss_bytes > 1e6


async def test_debug_is_switched(door: Door) -> None:
    assert (await door.client.set_debug(True)).debug is True
    assert (await door.client.set_debug(False)).debug is False


def test_who_starts_a_run_outwaits_all_that_is_asked_on_the_way() -> None:
    start = calls.start_run(StartRun("fake", "base_train"))
    look = calls_config.config_target(TargetWish("fake", ask=True))
    assert look.answer_s == start.answer_s > 2 * START_PROBE_S + TIMEOUT_S
    assert calls_config.config_target(TargetWish("fake")).answer_s < start.answer_s


async def test_checkouts_are_registered_and_forgotten(door: Door) -> None:
    refs = {ref.name: ref for ref in await door.client.checkouts()}
    assert refs["fake"].path.endswith("/checkout") and not refs["fake"].builtin
    info = await door.client.checkout("fake")
    stages = {stage.name: stage for stage in info.stages}
    assert [o.name for o in stages["base_train"].options][:2] == ["depth", "lr"]
    assert stages["broken"].error
    assert [p.name for p in info.pipelines] == ["demo"]
    await door.client.remove_checkout("fake")
    with pytest.raises(NotFoundError, match="no checkout `fake`"):
        await door.client.checkout("fake")
    assert (door.folder / "checkout" / "scripts").is_dir()


async def test_what_is_no_checkout_is_refused(door: Door) -> None:
    with pytest.raises(UsageError, match="no nanochat script"):
        await door.client.add_checkout(AddCheckout(str(door.paths.home), "empty"))
    with pytest.raises(UsageError, match="does not exist"):
        await door.client.add_checkout(AddCheckout("/nowhere/at/all"))
    with pytest.raises(UsageError, match="not an absolute path"):
        await door.client.add_checkout(AddCheckout("checkout"))
    checkout = str(door.folder / "checkout")
    with pytest.raises(RefusedError, match="already"):
        await door.client.add_checkout(AddCheckout(checkout, "fake"))
    with pytest.raises(UsageError, match="is no name"):
        await door.client.add_checkout(AddCheckout(checkout, "../up"))
    with pytest.raises(UsageError, match="cannot be executed"):
        await door.client.add_checkout(AddCheckout(checkout, "c2", python="/nowhere/python"))


async def test_a_damaged_registry_is_named(door: Door) -> None:
    door.paths.checkouts_json.write_text("{")
    body = await door.error("GET", "/v1/checkouts", 422)
    assert str(door.paths.checkouts_json) in body["message"]


async def test_a_run_from_start_to_end(door: Door) -> None:
    started = await door.start(depth="6", lr=1)
    run_id = started.facts.id
    assert started.facts.state in ("starting", "running", "done")
    summary = await door.ended(run_id)
    assert (summary.facts.state, summary.facts.exit_code) == ("done", 0)
    detail = await door.client.run(run_id)
    assert detail.record.config == {
        "depth": 6, "lr": 1.0, "go": "", "device_type": "", "dry": False,
    }  # fmt: skip
    assert detail.record.steps[0].argv == ["--depth=6", "--lr=1.0"]
    assert [r.facts.id for r in await door.client.runs()] == [run_id]
    page = await door.client.log(run_id, LogQuery(search="depth"))
    assert [line.text for line in page.lines] == ["depth 6"]
    kinds = {event.kind for event in await door.client.events(run_id)}
    assert kinds == {"state"}
    assert [m.name for m in await door.client.metrics(run_id)] == ["train/loss"]
    await door.client.delete_run(run_id)
    assert await door.client.runs() == []
    assert not door.paths.run(run_id).root.exists()
    with pytest.raises(NotFoundError):
        await door.client.run(run_id)


async def test_a_pipeline_takes_options_where_they_exist(door: Door) -> None:
    summary = await door.start("demo", depth=3, vocab_size=400)
    assert summary.facts.pipeline == ["tok_train", "base_train"]
    done = await door.ended(summary.facts.id)
    assert (done.facts.state, done.facts.stage) == ("done", "base_train")
    record = (await door.client.run(summary.facts.id)).record
    assert [step.argv for step in record.steps] == [["--vocab-size=400"], ["--dry", "--depth=3"]]


@pytest.mark.parametrize(
    ("wish", "says"),
    [
        (StartRun("fake", "base_train", {"dept": 2}), "did you mean `depth`"),
        (StartRun("fake", "base_train", {"depth": "four"}), "`depth` takes int"),
        (StartRun("fake", "base_train", {"depth": 4.5}), "`depth` takes int"),
        (StartRun("fake", "base_train", {"dry": 3}), "`dry` takes bool"),
        (StartRun("fake", "base_train", {"device_type": "tpu"}), "choose one of"),
        (StartRun("fake", "base_train", {"go": "a\0b"}), "zero byte"),
        (StartRun("fake", "broken"), "broken.py"),
        (StartRun("fake", "base_train", nproc=0), "nproc"),
        (StartRun("fake", "base_train", env={"A=B": "x"}), "environment"),
        (StartRun("fake", "demo", {"nothing": 1}), "no option `nothing`"),
    ],
)
async def test_a_wrong_wish_starts_nothing(door: Door, wish: StartRun, says: str) -> None:
    with pytest.raises(UsageError) as caught:
        await door.client.start_run(wish)
    assert says in str(caught.value)
    assert await door.client.runs() == []
    assert not door.paths.runs.exists() or not list(door.paths.runs.iterdir())


async def test_unknown_names_get_the_nearest(door: Door) -> None:
    with pytest.raises(NotFoundError, match="did you mean `base_train`"):
        await door.start("base_trian")
    with pytest.raises(NotFoundError, match="did you mean `fake`"):
        await door.client.start_run(StartRun("fak", "base_train"))


async def test_a_checkout_that_is_gone(door: Door) -> None:
    (door.folder / "checkout").rename(door.folder / "moved")
    refs = {ref.name: ref for ref in await door.client.checkouts()}
    assert "is gone" in refs["fake"].error
    with pytest.raises(UsageError, match="does not exist"):
        await door.start()


async def test_secrets_reach_the_trainer_and_no_file(door: Door) -> None:
    script = door.folder / "checkout" / "scripts" / "base_train.py"
    script.write_text(script.read_text() + "print('token', len(os.environ['HF_TOKEN']))\n")
    wish = StartRun("fake", "base_train", env={"HF_TOKEN": "hf_verysecret"})
    run_id = (await door.client.start_run(wish)).facts.id
    assert (await door.ended(run_id)).facts.state == "done"
    run = door.paths.run(run_id)
    assert "token 13" in run.out_log.read_text()
    for file in run.root.iterdir():
        if file.is_file():
            assert b"verysecret" not in file.read_bytes(), file
    assert "HF_TOKEN" in (await door.client.run(run_id)).record.env_names


async def test_commands_without_a_hook_are_refused_with_the_reason(
    door: Door, tmp_path: Path
) -> None:
    run_id = (await door.start(go=str(tmp_path / "go"))).facts.id
    with pytest.raises(RefusedError, match="no training loop"):
        await door.client.control(run_id, Control("save"))
    ack = await door.client.stop_run(run_id, StopRun("save", grace_s=5))
    assert "SIGTERM instead" in ack.note
    summary = await door.ended(run_id)
    assert "stopped as asked" in summary.facts.reason
    with pytest.raises(RefusedError, match="has ended") as told:
        await door.client.stop_run(run_id, StopRun())
    assert f"run start --continue {run_id}" in told.value.hint
    with pytest.raises(RefusedError, match="has ended"):
        await door.client.control(run_id, Control("pause"))


@pytest.mark.parametrize(("step_s", "waits"), [(0.0, "30 s"), (67.0, "201 s")])
async def test_a_run_of_long_steps_gets_the_time_to_finish_one(
    door: Door, tmp_path: Path, step_s: float, waits: str
) -> None:
    door.hub.step_s = step_s
    run_id = (await door.start(go=str(tmp_path / "go"))).facts.id
    await door.client.stop_run(run_id, StopRun("term"))
    await door.ended(run_id)
    told = door.paths.run(run_id).events_jsonl.read_text()
    assert f"sent SIGTERM; SIGKILL in {waits}" in told


async def test_a_live_run_is_not_deleted(door: Door, tmp_path: Path) -> None:
    run_id = (await door.start(go=str(tmp_path / "go"))).facts.id
    with pytest.raises(RefusedError, match="stop it first"):
        await door.client.delete_run(run_id)
    assert door.paths.run(run_id).run_json.exists()
    (tmp_path / "go").touch()
    await door.ended(run_id)


async def test_what_a_shim_writes_after_the_end_was_seen_is_read_too(
    door: Door, tmp_path: Path
) -> None:
    run_id = (await door.start(go=str(tmp_path / "go"))).facts.id
    run = door.core.runs.get(run_id)
    done = msgspec.structs.replace(run_folder.read_status(run.paths), state="done")
    run_folder.write_status(run.paths, done)
    door.core.runs.refresh(run)
    assert run.ended and run_folder.shim_is_alive(run.paths)
    door.hub.settled.clear()
    (tmp_path / "go").touch()
    async with asyncio.timeout(60.0):
        while run_id not in door.hub.settled:
            await asyncio.sleep(0.005)
    assert '"what": "stage_end"' in run.paths.events_jsonl.read_text()


async def test_starts_at_once_do_not_collide(door: Door) -> None:
    runs = await asyncio.gather(*(door.start() for _ in range(4)))
    assert len({run.facts.id for run in runs}) == 4
    for run in runs:
        assert (await door.ended(run.facts.id)).facts.state == "done"
