"""Forms and editors on the wire, and what a question to the host may say."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from nanochat_sdk import (
    Answer,
    BoolField,
    ChoiceField,
    Data,
    Editor,
    Fetch,
    Form,
    FormSubmitted,
    Input,
    NumberField,
    Panel,
    Payload,
    Size,
    Stack,
    StoreGet,
    StorePut,
    TextField,
    notice,
)
from nanochat_sdk.asks import METHODS, Ask, Asked, address_of, permission_for
from nanochat_sdk.codec import decode_from_worker, decode_payload, encode_payload
from nanochat_sdk.errors import PayloadError, SdkError, WireError
from nanochat_sdk.forms import entry_trouble
from nanochat_sdk.payload import Child
from nanochat_sdk.testing import PanelDriver, PanelFault, data, fuzz_panel

FORM = Form(
    [
        TextField("why", "Why", required=True, max_length=20),
        NumberField("depth", "Depth", value=4, lo=1, hi=32, whole=True),
        ChoiceField("kind", "Kind", choices=["a", "b"]),
        BoolField("sure", "Sure"),
    ],
    id="ask",
)


def wire(**body: Any) -> bytes:
    """A payload as a hostile worker could write it."""
    return msgspec.msgpack.encode({"kind": "form", **body})


def test_a_form_and_an_editor_come_through_as_they_were() -> None:
    for payload in (FORM, Editor("a\nb", max_length=10)):
        assert decode_payload(encode_payload(payload)) == payload


FIELD = {"type": "text", "name": "a", "label": "A"}


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"fields": []}, "length"),
        ({"fields": [FIELD] * 100_000}, "length"),
        ({"fields": [FIELD, FIELD]}, "two fields are named `a`"),
        ({"fields": [FIELD | {"value": "x" * 1001}]}, "length"),
        ({"fields": [FIELD | {"value": "x" * 300}]}, "longer than its max_length"),
        ({"fields": [FIELD | {"type": "secret"}]}, "secret"),
        ({"fields": [FIELD | {"type": "password"}]}, "password"),
        ({"fields": [FIELD | {"name": "A\n"}]}, "matching"),
        ({"fields": [FIELD | {"action": "run"}]}, "unknown field"),
        ({"fields": [FIELD | {"type": "number", "lo": 2, "hi": 1}]}, "lo above hi"),
        ({"fields": [FIELD | {"type": "number", "value": 9, "hi": 1}]}, "at most 1"),
        ({"fields": [FIELD | {"type": "number", "value": float("nan")}]}, "float"),
        ({"fields": [FIELD | {"type": "number", "hi": float("inf")}]}, "float"),
        ({"fields": [FIELD | {"type": "choice", "choices": []}]}, "length"),
        ({"fields": [FIELD | {"type": "choice", "choices": ["x", "x"]}]}, "choice twice"),
        ({"fields": [FIELD | {"type": "choice", "choices": ["x"], "value": "y"}]}, "choices"),
        ({"fields": [FIELD | {"type": "choice", "choices": ["x"] * 65}]}, "length"),
        ({"kind": "editor", "text": "x" * 17_000}, "length"),
        ({"kind": "editor", "text": "x" * 20, "max_length": 10}, "longer than"),
    ],
)
def test_a_hostile_form_is_refused(body: dict[str, Any], says: str) -> None:
    with pytest.raises((PayloadError, WireError), match=says):
        decode_payload(wire(**body))


def test_a_panel_shows_one_form_at_a_time() -> None:
    two = Stack([Child(FORM), Child(Stack([Child(Editor())]))])
    with pytest.raises(WireError, match="one form or one editor"):
        decode_payload(encode_payload(two))


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        (FORM.fields[0], "because", ""),
        (FORM.fields[0], " ", "is needed"),
        (FORM.fields[0], "x" * 21, "at most 20"),
        (FORM.fields[1], 5, ""),
        (FORM.fields[1], 5.5, "whole"),
        (FORM.fields[1], 0, "at least 1"),
        (FORM.fields[1], 33, "at most 32"),
        (FORM.fields[1], float("nan"), "not a number"),
        (FORM.fields[1], "5", "not a number"),
        (FORM.fields[1], True, "not a number"),
        (FORM.fields[1], None, ""),
        (FORM.fields[2], "c", "choices"),
        (FORM.fields[3], 1, "yes or no"),
    ],
)
def test_what_is_entered_is_checked(field: Any, value: Any, says: str) -> None:
    trouble = entry_trouble(field, value)
    assert says in trouble
    assert bool(trouble) is bool(says)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://a.org/", "http://a.org:0/", "http://u@a.org/", "http://[::1]/", "http://a.org/\r\nx",
        "http://a.org/ä", "http:///x", "http://a.org:99999999/", "http://a.org\\@b.org/", "",
    ],
)  # fmt: skip
def test_a_url_with_two_readings_is_refused(url: str) -> None:
    with pytest.raises(SdkError):
        address_of(url)


def test_a_url_leads_to_one_address() -> None:
    assert address_of("HTTP://x".lower()) == ("http", "x", 80, "/")
    assert address_of("https://A.org?q=1#part") == ("https", "a.org", 443, "/?q=1")
    assert permission_for(Fetch("http://a.org:8080/x")) == "net:a.org:8080"
    assert permission_for(Fetch("ftp://a.org")) is None


def test_every_question_has_a_permission() -> None:
    tags = {kind.__struct_config__.tag for kind in Ask.__args__}
    assert tags == METHODS.keys()


class Unheard(msgspec.Struct, tag="net:listen", tag_field="ask"):
    """A method that came later than the table."""


def test_an_unknown_question_is_covered_by_nothing() -> None:
    assert permission_for(Unheard()) is None  # type: ignore[arg-type]


@pytest.mark.parametrize("key", ["../../x", "/etc/passwd", "a\0b", "", ".hidden", "a/b", "x" * 65])
def test_a_key_is_a_plain_name(key: str) -> None:
    reply = {"op": "reply", "seq": 1, "asks": [{"number": 1, "ask": {"ask": "store:get"}}]}
    reply["asks"][0]["ask"]["key"] = key  # type: ignore[index]
    with pytest.raises(WireError):
        decode_from_worker(msgspec.msgpack.encode(reply))


class Notes(Panel):
    """Asks for a note, shows a form, keeps what was sent."""

    note = "?"
    asked = 0

    def update(self, data: Data) -> bool:
        if not self.asked and not data.denied:
            self.asked = self.ask(StoreGet("why"))
        if answer := data.answers.get(self.asked):
            self.note = answer.text[:200] or answer.status
        if data.denied:
            self.note = f"not granted {data.denied}"
        return True

    def on_input(self, event: Input) -> bool:
        if isinstance(event, FormSubmitted) and "why" in event.values:
            self.note = str(event.values["why"])
            self.ask(StorePut("why", self.note.encode()))
        return True

    def render(self, size: Size) -> Payload:
        return Stack([Child(notice(self.note), size=2), Child(FORM)])


def test_the_driver_answers_from_its_store_and_sends_the_form() -> None:
    panel = PanelDriver(Notes)
    panel.feed(data())
    assert panel.answer()
    assert "missing" in panel.text()
    panel.submit(why="to see", depth=8)
    panel.answer()
    assert panel.host.store == {"why": b"to see"}
    again = PanelDriver(Notes)
    again.host.store = panel.host.store
    again.feed(data())
    again.answer()
    assert "to see" in again.text()


def test_the_driver_sends_nothing_the_host_would_not() -> None:
    panel = PanelDriver(Notes)
    with pytest.raises(PanelFault, match="`why` is needed"):
        panel.submit()
    with pytest.raises(PanelFault, match="no field depht"):
        panel.submit(depht=3)


def test_what_was_not_granted_is_answered_denied_and_named() -> None:
    panel = PanelDriver(Notes)
    panel.feed(data())
    panel.denied.add("store:kv")
    panel.answer()
    assert "not granted ['store:kv']" in panel.text()


def test_the_network_is_what_the_test_says() -> None:
    class Price(Panel):
        price = ""

        def on_input(self, event: Input) -> bool:
            self.ask(Fetch("https://api.example.org/price"))
            return False

        def update(self, data: Data) -> bool:
            for answer in data.answers.values():
                self.price = f"{answer.status} {answer.text}"
            return bool(data.answers)

        def render(self, size: Size) -> Payload:
            return notice(self.price)

    panel = PanelDriver(Price)
    panel.select(0)
    panel.answer()
    assert "failed" in panel.text()
    panel.host.net = lambda fetch: Answer("ok", value=fetch.url.encode(), code=200)
    panel.select(0)
    panel.answer()
    assert "ok https://api.example.org/price" in panel.text()


def test_hostile_answers_and_submissions_are_tried() -> None:
    assert fuzz_panel(Notes)

    class Trusting(Notes):
        def on_input(self, event: Input) -> bool:
            assert isinstance(event, FormSubmitted)
            return bool(event.values["why"])

    with pytest.raises(PanelFault, match=r"KeyError|AssertionError"):
        fuzz_panel(Trusting)


def test_a_long_queue_of_questions_goes_out_in_parts() -> None:
    class Busy(Panel):
        def on_input(self, event: Input) -> bool:
            for n in range(20):
                self.ask(StorePut(f"k{n}", b"x" * 60_000))
            return False

    panel = PanelDriver(Busy)
    panel.select(0)
    panel.answer()
    assert len(panel.host.store) == 4  # 256 KiB hold no more of them
    assert not panel.panel._asks


def test_a_question_is_numbered() -> None:
    assert msgspec.convert({"number": 1, "ask": {"ask": "store:list"}}, Asked).number == 1
