"""All a run, a person or a host could do to a panel. Imported from `nanochat_sdk.testing`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from nanochat_sdk.asks import Answer
from nanochat_sdk.data import Data
from nanochat_sdk.driver import PanelDriver, PanelFault
from nanochat_sdk.forms import (
    BoolField,
    ChoiceField,
    Editor,
    Entered,
    Field,
    Form,
    NumberField,
    entry_trouble,
)
from nanochat_sdk.hostile import TEXTS, hostile_data
from nanochat_sdk.manifest import PanelManifest
from nanochat_sdk.panel import Panel, Size
from nanochat_sdk.protocol import EditorSubmitted, FormSubmitted
from nanochat_sdk.serve import next_asks

FUZZ_SIZES = (Size(1, 1), Size(24, 4), Size(39, 9), Size(80, 20), Size(200, 60))
ANSWERS = (
    Answer("denied", "store:kv"),
    Answer("missing", "no note `x`"),
    Answer("busy", "too many at once"),
    Answer("failed", TEXTS[3]),
    Answer("ok"),
    Answer("ok", value=b"\xff\x00" * 5000, keys=["a"], code=200, type="text/plain"),
    Answer("ok", value=b"{" * 100_000, code=500, type=TEXTS[2][:200]),
    Answer("ok", value=b'{"a": [1e999, null, {}]}', code=-1),
    Answer("ok", value=TEXTS[5].encode(), code=999),
)
"""What a question may come to: no kind of it is promised."""


def fuzz_panel(
    panel: type[Panel],
    options: dict[str, Any] | None = None,
    manifest: PanelManifest | None = None,
    sizes: Sequence[Size] = FUZZ_SIZES,
) -> int:
    """Feed a panel NaN, infinities, nothing, too much, odd text and wrong types, render it at
    every size, press every key, send its form, answer its questions with anything. Returns the
    number of frames. Raises PanelFault."""
    driver = PanelDriver(panel, options, manifest)
    frames = _try("before any data", driver, None, sizes, ANSWERS[0])
    for index, (case, sent) in enumerate(hostile_data(driver.needs)):
        answer = ANSWERS[index % len(ANSWERS)]
        frames += _try(case, PanelDriver(panel, options, manifest), sent, sizes, answer)
    return frames


def _try(
    case: str, driver: PanelDriver, sent: Data | None, sizes: Sequence[Size], answer: Answer
) -> int:
    """Feed, draw at all sizes, press all keys; returns the number of frames."""
    frames = 0
    try:
        for size in sizes:
            if sent is not None:
                driver.feed(sent)
            driver.text(*size)
            frames += 1
        frames += _answered(driver, sent, answer, sizes[-1])
        for help_ in driver.panel.keys:
            driver.press(help_.key, "a[/]\x1b[31m" * 40)
            driver.select(10**6)
            driver.render(*sizes[-1])
            frames += 1
        for filled in _filled(driver, sizes[-1]):
            driver.panel.on_input(filled)
            driver.render(*sizes[-1])
            frames += 1 + _answered(driver, sent, answer, sizes[-1])
        driver.acts()
    except PanelFault as fault:
        raise PanelFault(f"{case}: {fault}") from None
    except Exception as error:
        raise PanelFault(f"{case}: {type(error).__name__}: {error}") from error
    return frames


def _answered(driver: PanelDriver, sent: Data | None, answer: Answer, size: Size) -> int:
    """Give the same answer to everything it asked, and to something it never asked."""
    asks = next_asks(driver.panel)
    answers = {asked.number: answer for asked in asks} | {2**40: answer}
    driver.feed(msgspec.structs.replace(sent or Data(), answers=answers))
    driver.render(*size)
    return 1


def _filled(driver: PanelDriver, size: Size) -> Iterator[FormSubmitted | EditorSubmitted]:
    """What a person could send of what the panel shows, and of what it does not show any more."""
    for part in driver.parts(*size):
        if isinstance(part, Form):
            for extreme in range(3):
                values = {field.name: _entry(field, extreme) for field in part.fields}
                yield FormSubmitted(form=part.id, values=values)
        elif isinstance(part, Editor):
            for text in TEXTS:
                yield EditorSubmitted(editor=part.id, text=text[: part.max_length])
    yield FormSubmitted(form="gone", values={})
    yield EditorSubmitted(editor="gone", text="x")


def _entry(field: Field, extreme: int) -> Entered:
    """A value the host lets through, at one end or the other."""
    if isinstance(field, BoolField):
        return extreme == 1
    if isinstance(field, ChoiceField):
        return field.choices[-1 if extreme else 0]
    if isinstance(field, NumberField):
        ends = (field.value, field.lo, field.hi)
        numbers = [ends[extreme], *ends, 0.0]
        typed = [int(n) if field.whole and n is not None else n for n in numbers]
        return next((n for n in typed if not entry_trouble(field, n)), None)
    return TEXTS[2 + extreme][: field.max_length]
