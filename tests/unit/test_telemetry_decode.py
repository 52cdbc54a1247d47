"""Lines to blocks and events: bad ones cost themselves only."""

from __future__ import annotations

import json
from math import inf

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from nanochat_host.core.telemetry.decode import Block, decode, floats
from nanochat_sdk.data import Event

GOOD = b'{"ts": 1.0, "kind": "metric", "step": 3, "train/loss": 2.5}\n'


def test_rows_with_the_same_keys_become_one_block() -> None:
    lines = b"".join(GOOD.replace(b"3", b"%d" % i) for i in range(4, 9))
    (block,) = decode(lines).items
    assert isinstance(block, Block) and block.step is not None
    assert list(block.step) == [4, 5, 6, 7, 8]
    assert len(block.values["train/loss"]) == 5


def test_events_keep_their_place_between_rows() -> None:
    state = b'{"ts": 2, "kind": "state", "what": "paused", "id": "c1"}\n'
    kinds = [type(item) for item in decode(GOOD + state + GOOD).items]
    assert kinds == [Block, Event, Block]


def test_bad_lines_are_counted_and_the_rest_is_read() -> None:
    bad = [
        b"\x00\x01\xff\n", b'{"ts": 1, "kind": "metric", "st\n', b"[1, 2]\n", b"7\n",
        b'{"kind": "metric", "step": 1, "a": 1}\n', b'{"ts": "x", "kind": "state"}\n',
        b'{"ts": 1, "kind": "unheard of"}\n', b'{"ts": 1, "kind": "metric", "step": "nan"}\n',
        b"[" * 5000 + b"\n", b'{"ts": NaN, "kind": "state"}\n',
        b'{"ts": 1, "kind": ["metric"]}\n', b'{"ts": 1, "kind": {}}\n',
        b'{"ts": 1, "kind": "metric", "step": [1], "a": 1}\n',
        b'{"ts": 1, "kind": "metric", "step": 1e300, "a": 1}\n',
        b'{"ts": 1, "kind": "state", "step": 1e300}\n',
        b'{"ts": 1' + b"0" * 400 + b', "kind": "metric", "a": 1}\n',
    ]  # fmt: skip
    found = decode(GOOD + b"".join(b + GOOD for b in bad))
    assert found.bad == len(bad)
    assert found.sample
    blocks = [item for item in found.items if isinstance(item, Block)]
    assert sum(len(block.ts) for block in blocks) == len(bad) + 1


def test_empty_lines_are_no_mistake() -> None:
    assert decode(b"\n\n" + GOOD + b"\n").bad == 0


@settings(max_examples=200, deadline=None)
@given(st.lists(st.one_of(st.binary(max_size=60), st.just(GOOD[:-1])), max_size=12))
def test_no_bytes_make_it_fail_or_lose_good_lines(lines: list[bytes]) -> None:
    clean = [line.replace(b"\n", b"").replace(b"\r", b"") for line in lines]
    found = decode(b"".join(line + b"\n" for line in clean))
    good = sum(line == GOOD[:-1] for line in clean)
    blocks = [i for i in found.items if isinstance(i, Block) and "train/loss" in i.values]
    assert sum(len(block.ts) for block in blocks) == good


def test_a_row_without_step_is_a_row() -> None:
    row = {"ts": 1.0, "kind": "metric", "queue": 3}
    (block,) = decode((json.dumps(row) + "\n").encode()).items
    assert isinstance(block, Block) and block.step is None


def test_integers_of_any_length_can_be_answered_with() -> None:
    long = "1" + "0" * 400
    text = f'{{"ts": 1, "kind": "state", "seed": 36893488147419103232, "of": [{{"a": -{long}}}]}}'
    (event,) = decode(text.encode() + b"\n").items
    assert isinstance(event, Event)
    assert event.fields == {"seed": 2.0**65, "of": [{"a": -inf}]}
    assert msgspec.msgpack.encode(event)
    (block,) = decode(f'{{"ts": 1, "kind": "metric", "step": 2, "a": {long}}}\n'.encode()).items
    assert isinstance(block, Block) and list(floats(block.values["a"]) or ()) == [inf]


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=4,
)
names = st.sampled_from(["ts", "kind", "step", "source", "train/loss", "what"])
lines = st.dictionaries(names, json_values | st.sampled_from(["metric", "state", 1, 2.5]))


@settings(max_examples=200, deadline=None)
@given(st.lists(lines, max_size=6))
def test_no_value_in_any_field_makes_it_fail(rows: list[dict[str, object]]) -> None:
    text = "".join(json.dumps(row) + "\n" for row in rows)
    assert decode(text.encode()) is not None
