"""Text from packs: nothing gets through that a terminal acts on or that tables measure apart."""

from __future__ import annotations

import sys
import typing
import unicodedata
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nanochat_host.packs.sanitize import (
    _PLAIN,
    _SHOWN,
    REPLACEMENT,
    _filter,
    clean,
    clean_lines,
    clean_payload,
)
from nanochat_sdk import payload as payloads
from nanochat_sdk.payload import Cells, Payload, Table, Text
from pace import cpu_s
from rich.cells import cell_len
from wcwidth import wcswidth

EVIL = "\x1b]0;owned\x07\u202e"
UNTIMED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
ALPHABET = st.one_of(
    st.integers(0, sys.maxunicode).map(chr),
    st.sampled_from(
        "\x1b\x9b\x07\r\n\t\u202e\u200d\ufe0f\u0301\u0308\u0e31\u1160\U0001f1e6\U0001f3fbae"
    ),
)


def assert_harmless(line: str) -> None:
    for char in line:
        assert unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"), ascii(
            char
        )
        assert unicodedata.bidirectional(char) not in ("R", "AL", "AN"), ascii(char)
    simple = sum(
        0
        if unicodedata.category(char) == "Mn"
        else 1 + (unicodedata.east_asian_width(char) in "WF")
        for char in line
    )
    assert cell_len(line) == simple, ascii(line)
    assert wcswidth(line) == simple, ascii(line)


def test_every_assigned_character_comes_out_harmless() -> None:
    assigned = [
        char
        for char in map(chr, range(sys.maxunicode + 1))
        if unicodedata.category(char) not in ("Cn", "Co")
    ]
    for start in range(0, len(assigned), 256):
        line = clean("a".join(assigned[start : start + 256]))
        if set(line) - {"a", REPLACEMENT}:
            assert_harmless(line)


def test_unassigned_and_private_characters_are_replaced() -> None:
    for code in range(0, sys.maxunicode + 1, 97):
        if unicodedata.category(chr(code)) in ("Cn", "Co"):
            assert clean(chr(code)) == REPLACEMENT, hex(code)


@given(st.text(ALPHABET, max_size=40))
@settings(UNTIMED, max_examples=500)
def test_any_string_comes_out_harmless_and_stays_so(text: str) -> None:
    line = clean(text)
    assert_harmless(line)
    assert clean(line) == line
    marks = [unicodedata.category(char) == "Mn" for char in line]
    assert not any(first and second for first, second in pairwise(marks))


@UNTIMED
@given(st.text(ALPHABET, max_size=40))
def test_the_fast_path_knows_only_what_the_filter_leaves_alone(text: str) -> None:
    if _PLAIN.fullmatch(text):
        assert unicodedata.normalize("NFC", _filter(text, 3)) == text


def test_each_plain_character_is_left_alone_by_the_filter() -> None:
    for code in range(sys.maxunicode + 1):
        if _PLAIN.fullmatch(chr(code)) and unicodedata.category(chr(code)) != "Cn":
            assert unicodedata.normalize("NFC", _filter(chr(code), 3)) == chr(code), hex(code)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("loss 3.14 |", "loss 3.14 |"),
        ("█▁⣿ ─┤ → α≤β é ñ 損失 🔥", "█▁⣿ ─┤ → α≤β é ñ 損失 🔥"),
        ("e\u0301a\u0308", "éä"),
        ("q\u0301\u0302\u0303", "q\u0301"),
        ("\u0301x", "x"),
        ("a\tb\r\nc", "a b  c"),
        ("\x1b[31mred\x9b0m", f"{REPLACEMENT}[31mred{REPLACEMENT}0m"),
        ("a\u202eb\u200bc\ufe0fd\ufeff", "abcd"),
        ("\u05d0\u0627", REPLACEMENT * 2),
        ("\U0001f1e9\U0001f1ea", REPLACEMENT * 2),
        ("\U0001f44d\U0001f3fd", f"\U0001f44d{REPLACEMENT}"),
        ("a\u3000b\u00a0c", "a b c"),
        ("\ud800", REPLACEMENT),
        ("\u2028x", f"{REPLACEMENT}x"),
    ],
)
def test_what_becomes_of(text: str, expected: str) -> None:
    assert clean(text) == expected


def test_clean_text_is_returned_itself() -> None:
    for text in ("plain", "└─ 3.2 µs ─┘"):
        assert clean(text) is text


def test_a_run_of_marks_costs_no_quadratic_time() -> None:
    text = "a" + "\u0315\u0300" * 100_000  # out of order: normalising this as it is takes seconds
    shown = []
    assert cpu_s(lambda: shown.append(clean(text))) < 1.0
    assert shown == ["\u00e0\u0315"]


def test_lines_keep_their_breaks() -> None:
    assert clean_lines("File\n\tx\x1b[0m\nend") == f"File\n    x{REPLACEMENT}[0m\nend"


def fill(annotation: Any, text: str) -> Any:
    """A value of the annotated type in which every free string is `text`."""
    origin, args = typing.get_origin(annotation), typing.get_args(annotation)
    if annotation in (str, payloads.Str, payloads.Label):
        return text
    if origin is typing.Annotated:
        return fill(args[0], text)
    if origin is typing.Literal:
        return args[0]
    if origin is list:
        return [fill(args[0], text)]
    if origin is tuple:
        return tuple(fill(arg, text) for arg in args)
    if origin in (typing.Union, type(payloads.Payload)):
        return fill(args[0], text)
    if isinstance(annotation, type) and issubclass(annotation, msgspec.Struct):
        hints = typing.get_type_hints(annotation, include_extras=True)
        names = annotation.__struct_fields__
        return annotation(**{name: fill(hints[name], text) for name in names})
    return {int: 1, float: 0.5, bool: True, bytes: b""}[annotation]


def strings(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, list | tuple):
        return [text for item in value for text in strings(item)]
    if isinstance(value, msgspec.Struct):
        return strings([getattr(value, name) for name in value.__struct_fields__])
    return []


KINDS = typing.get_args(Payload)


@pytest.mark.parametrize("kind", KINDS)
def test_every_text_of_every_payload_is_cleaned(kind: type[Payload]) -> None:
    poisoned = fill(kind, EVIL)
    assert EVIL in strings(poisoned)
    out = clean_payload(poisoned)
    assert type(out) is kind
    assert EVIL not in strings(out)
    assert all(text.isprintable() for text in strings(out))


@pytest.mark.parametrize("kind", KINDS)
def test_no_text_is_missed_because_the_others_are_clean(kind: type[Payload]) -> None:
    """Poison one string at a time: the fast path must look at each of them."""
    count = strings(fill(kind, EVIL)).count(EVIL)
    for target in range(count):
        marked = iter(range(count))

        def once(value: Any, target: int = target, marked: Any = marked) -> Any:
            if value == EVIL:
                return EVIL if next(marked) == target else "calm"
            if isinstance(value, list | tuple):
                return type(value)(once(item) for item in value)
            if isinstance(value, msgspec.Struct):
                names = value.__struct_fields__
                return type(value)(**{name: once(getattr(value, name)) for name in names})
            return value

        poisoned = once(fill(kind, EVIL))
        assert strings(poisoned).count(EVIL) == 1
        assert EVIL not in strings(clean_payload(poisoned))


def test_a_clean_payload_is_the_same_object() -> None:
    for payload in (
        Text([[("loss 3.1", "bold"), ("→ 2.9", "")]]),
        Cells([[("█", "heat-3")]]),
        Table([payloads.Column("step")], [[("12", "")]]),
    ):
        assert clean_payload(payload) is payload


def test_what_is_known_of_characters_stays_bounded() -> None:
    for start in range(0x20000, 0x30000, 4096):
        clean("".join(map(chr, range(start, start + 4096))))
    assert len(_SHOWN) <= 8192
