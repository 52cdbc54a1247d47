"""Chats through a real core with real driver processes; the model is a fake that needs no torch."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from core_rig import CoreRig, kill, until
from fake_speaker import make_speaker
from nanochat_host.core import calls_chat as calls
from nanochat_host.core import wire_chat as wire
from nanochat_host.core.inside import few_threads
from nanochat_host.core.shim import procs
from nanochat_host.core.wire import AddCheckout, StopRun
from nanochat_host.errors import NotFoundError, RefusedError

sys.path.insert(0, str(Path(__file__).parents[1] / "unit"))
import fake_weights as fake

sys.path.pop(0)
CANARY = "canary-77aa"


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CoreRig]:
    made = CoreRig(tmp_path_factory.mktemp("chat"))
    speaker = make_speaker(made.folder / "speaker")
    base = made.folder / "base"
    for kind in ("base", "chatsft"):
        fake.checkpoint(base, kind, "d2", 10)
    fake.checkpoint(base, "base", "shapes", 1, broken="shapes")
    fake.checkpoint(base, "base", "exit", 1, broken="exit")
    (fake.checkpoint(base, "base", "half", 1) / "model_000001.pt").write_bytes(b"PK\x03\x04 half")
    (fake.checkpoint(base, "base", "other", 1) / "meta_000001.json").write_text(
        '{"step": 1, "model_config": {"dropout": 0.2, "vocab_size": 64}}'
    )
    fake.save(base / "tokenizer" / "token_bytes.pt", {"sizes": fake.Weight((64,))})
    (speaker / "nanochat" / "gpt.py").write_text(
        "class GPTConfig:\n" + "".join(f"    {name}: int = 1\n" for name in fake.CONFIG)
    )
    os.environ["WANDB_API_KEY"] = CANARY
    try:
        made.start()
    finally:
        del os.environ["WANDB_API_KEY"]
    made.client.add_checkout(
        AddCheckout(str(speaker), "speaker", python=sys.executable, base_dir=str(base))
    )
    yield made
    made.close()


def begin(rig: CoreRig, *names: str) -> wire.ChatInfo:
    return rig.client.ask(calls.begin_chat(wire.NewChat("speaker", list(names))))


def say(rig: CoreRig, chat: str, prompt: str, **settings: int) -> list[wire.ChatEvent]:
    body = wire.Say(prompt, wire.ChatSettings(**settings))
    return list(rig.client.listen(calls.say(chat, body)))


def text(events: list[wire.ChatEvent], side: int = 0, kind: str = "text") -> str:
    return "".join(e.text for e in events if (e.event, e.side, e.kind) == ("piece", side, kind))


def test_words_stream_the_turn_is_kept_and_found_again(rig: CoreRig) -> None:
    chat = begin(rig, "sft")
    assert (chat.mode, chat.checkpoints) == ("chat", ["sft/d2/000010"])
    began = time.perf_counter()
    first = say(rig, chat.id, "grüße 日本")
    took_s = time.perf_counter() - began
    assert text(first) == "grüße 日本"
    assert [e.event for e in first if e.event not in ("loading", "piece")] == [
        "begin",
        "end",
        "done",
    ]
    end = next(e for e in first if e.event == "end")
    assert (end.reason, end.tokens) == ("end", 14)
    assert 0 < end.ttft_s < took_s
    assert text(say(rig, chat.id, "turn TURNS")) == "turn 2"
    file = rig.paths.chats / f"{chat.id}.json"
    assert file.stat().st_mode & 0o777 == 0o600
    kept = rig.client.ask(calls.chat(chat.id))
    assert [t.prompt for t in kept.turns] == ["grüße 日本", "turn TURNS"]
    assert kept.turns[0].answers[0].text == "grüße 日本"
    assert [c.id for c in rig.client.ask(calls.chats("GRÜSSE turn".replace("SS", "ß")))] == [
        chat.id
    ]
    assert rig.client.ask(calls.chats("nobody said this")) == []
    rig.client.ask(calls.delete_chat(chat.id))
    assert not file.exists()
    with pytest.raises(NotFoundError):
        rig.client.ask(calls.chat(chat.id))


def test_a_second_turn_finds_the_driver_warm(rig: CoreRig) -> None:
    chat = begin(rig, "sft")
    say(rig, chat.id, "one")
    (driver,) = [d for d in rig.client.ask(calls.drivers()) if d.checkpoint == "sft/d2/000010"]
    assert (driver.state, driver.params, driver.device) == ("warm", 14, "cpu")
    assert "loading" not in [e.event for e in say(rig, chat.id, "two")]
    again = [d for d in rig.client.ask(calls.drivers()) if d.checkpoint == "sft/d2/000010"]
    assert [d.pid for d in again] == [driver.pid]


def test_two_sides_get_the_same_prompt_and_seed(rig: CoreRig) -> None:
    chat = begin(rig, "sft", "base/d2")
    events = say(rig, chat.id, "seed SEED", seed=7)
    assert text(events, 0) == text(events, 1) == "seed 7"
    assert [e.event for e in events].count("done") == 1
    kept = rig.client.ask(calls.chat(chat.id)).turns[0]
    assert [answer.text for answer in kept.answers] == ["seed 7", "seed 7"]


def test_tools_are_told_apart_and_the_length_is_kept(rig: CoreRig) -> None:
    chat = begin(rig, "sft")
    events = say(rig, chat.id, "CALC")
    assert [text(events, kind=kind) for kind in ("tool", "output", "text")] == ["1+1", "2", "two"]
    short = say(rig, chat.id, "abcdefgh", max_tokens=3)
    assert (text(short), short[-2].reason) == ("abc", "length")


def test_an_answer_is_stopped_by_request_and_by_hanging_up(rig: CoreRig) -> None:
    chat = begin(rig, "sft")
    events = rig.client.listen(calls.say(chat.id, wire.Say("NEVER")))
    until(lambda: next(events).event == "piece", "a first word")
    with pytest.raises(RefusedError, match="is being answered"):
        say(rig, chat.id, "me too")
    rig.client.ask(calls.stop_chat(chat.id))
    assert [e.reason for e in events if e.event == "end"] == ["stopped"]
    events = rig.client.listen(calls.say(chat.id, wire.Say("NEVER")))
    until(lambda: next(events).event == "piece", "a first word")
    events.close()  # type: ignore[attr-defined]  # a generator: this hangs up
    until(lambda: {d.state for d in rig.client.ask(calls.drivers())} == {"warm"}, "silence")
    until(lambda: len(rig.client.ask(calls.chat(chat.id)).turns) == 2, "what was said is kept")
    assert text(say(rig, chat.id, "still there")) == "still there"


@pytest.mark.parametrize(
    ("name", "what", "hint"),
    [
        ("half", "cut short", "another step"),
        ("other", "dropout, which this checkout's GPTConfig has not", "the checkout"),
    ],
)
def test_what_cannot_be_loaded_is_refused_before_anything_starts(
    rig: CoreRig, name: str, what: str, hint: str
) -> None:
    with pytest.raises(RefusedError) as caught:
        begin(rig, name)
    assert what in caught.value.message
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    ("name", "prompt", "what", "hint"),
    [
        ("shapes", "x", "Missing key(s): smear_gate", "another architecture"),
        ("exit", "x", "the tokenizer is gone", "log"),
        ("base/d2", "FAIL", "rotary embeddings cache", ""),
    ],
)
def test_what_goes_wrong_is_one_line_and_the_chat_goes_on(
    rig: CoreRig, name: str, prompt: str, what: str, hint: str
) -> None:
    chat = begin(rig, name)
    events = say(rig, chat.id, prompt)
    (error,) = [e for e in events if e.event == "error"]
    assert what in error.text and "\n" not in error.text
    assert hint in error.hint
    assert events[-1].event == "done"
    if prompt == "FAIL":
        assert text(say(rig, chat.id, "well again")) == "well again"


def test_torch_missing_names_the_python_and_the_way_out(rig: CoreRig, tmp_path: Path) -> None:
    bare = make_speaker(tmp_path / "bare")
    (bare / "torch.py").write_text(
        "raise ModuleNotFoundError('No module named torch', name='torch')"
    )
    base = str(rig.folder / "base")
    rig.client.add_checkout(AddCheckout(str(bare), "bare", python=sys.executable, base_dir=base))
    wish = wire.NewChat("bare", ["base/d2"])
    chat = rig.client.ask(calls.begin_chat(wish))
    (error,) = [e for e in say(rig, chat.id, "x") if e.event == "error"]
    assert error.text == f"torch is missing in {sys.executable}"
    assert "--make` makes an environment that has it" in error.hint


def test_a_driver_sees_no_secret(rig: CoreRig) -> None:
    say(rig, begin(rig, "sft").id, "x")
    assert "SECRETS []" in (rig.paths.logs / "drivers" / "sft-d2-000010.log").read_text()


def test_the_cpu_is_left_to_a_run_that_trains(rig: CoreRig) -> None:
    chat = begin(rig, "sft")
    assert text(say(rig, chat.id, "THREADS")) == "16"
    rig.add_checkout()
    run = rig.start_run(go=str(rig.go))
    rig.running(run)
    assert text(say(rig, chat.id, "THREADS")) == str(few_threads())
    rig.client.stop_run(run.run_id, StopRun(mode="kill"))
    rig.ended(run)
    assert text(say(rig, chat.id, "THREADS")) == "16"


def test_prompts_are_ours_until_they_are_the_persons(rig: CoreRig) -> None:
    shipped = rig.client.ask(calls.prompts())
    assert {p.mode for p in shipped} == {"chat", "continue"}
    mine = [wire.Preset("mine", "say this")]
    assert rig.client.ask(calls.save_prompts(wire.SavePresets(mine))) == mine
    assert rig.client.ask(calls.prompts()) == mine
    assert rig.client.ask(calls.save_prompts(wire.SavePresets([]))) == shipped


def test_a_killed_driver_is_said_and_replaced_and_none_outlives_the_core(rig: CoreRig) -> None:
    chat = begin(rig, "sft")
    events = rig.client.listen(calls.say(chat.id, wire.Say("NEVER")))
    until(lambda: next(events).event == "piece", "a first word")
    (pid,) = [d.pid for d in rig.client.ask(calls.drivers()) if d.state == "speaking"]
    os.kill(pid, signal.SIGKILL)
    assert [e.event for e in events if e.event in ("error", "done")] == ["error", "done"]
    assert text(say(rig, chat.id, "back")) == "back"
    pids = [d.pid for d in rig.client.ask(calls.drivers())]
    assert pids and pid not in pids
    kill(rig.client.health().pid)
    until(lambda: not any(procs.is_alive(p, 0) for p in pids), "the drivers leave")
    rig.start()
    assert text(say(rig, chat.id, "TURNS")) == "3"  # the transcript is the memory
