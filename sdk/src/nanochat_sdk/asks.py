"""What a panel may ask the host for besides data: its notes, and answers from the network.

`Panel.ask` returns a number; the answer comes with a later `Data`, as `data.answers[number]`.
"""

from __future__ import annotations

import re
from typing import Annotated, Literal, NamedTuple, TypeAlias

import msgspec
from msgspec import Meta

from nanochat_sdk.capabilities import Capability, net_permission
from nanochat_sdk.errors import SdkError
from nanochat_sdk.scalars import Label, Str

MAX_NOTES = 64
"""Notes a pack may keep."""
MAX_NOTE = 64 * 1024
"""Bytes of one note."""
MAX_STORE = 256 * 1024
"""Bytes of all notes of a pack, their keys included."""
MAX_BODY = 64 * 1024
"""Bytes a panel may send with one `Fetch`."""
MAX_FETCHED = 128 * 1024
"""Bytes an answer from the network may have."""

Key = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*\Z", max_length=64)]
# Visible ASCII only: nothing in it can end a line of a request.
Url = Annotated[str, Meta(pattern=r"^https?://[!-~]+\Z", max_length=2000)]
_URL = re.compile(r"(https?)://([A-Za-z0-9.-]{1,253})(?::([1-9][0-9]{0,4}))?([/?][!-~]*)?\Z")


class _Ask(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="ask"):
    """Base of the closed union `Ask`; the tag is the method that is checked against the grant."""


class StoreGet(_Ask, frozen=True, tag="store:get"):
    """The note of that key: "ok" with `value`, or "missing"."""

    key: Key


class StorePut(_Ask, frozen=True, tag="store:put"):
    """Keep a note; "failed" when the store is full."""

    key: Key
    value: Annotated[bytes, Meta(max_length=MAX_NOTE)]


class StoreDelete(_Ask, frozen=True, tag="store:delete"):
    """Forget a note; "missing" when there is none."""

    key: Key


class StoreList(_Ask, frozen=True, tag="store:list"):
    """The keys of all notes, in `keys`."""


class Fetch(_Ask, frozen=True, tag="net:fetch"):
    """An HTTP request from the host's core: `code`, `type` and `value` of the answer. Redirects are
    followed as far as the grant goes. No cookies, no tokens, ten seconds, at most `MAX_FETCHED`
    bytes."""

    url: Url
    method: Literal["GET", "POST"] = "GET"
    body: Annotated[bytes, Meta(max_length=MAX_BODY)] = b""
    type: Literal[
        "application/json", "application/x-www-form-urlencoded", "application/octet-stream",
        "text/plain",
    ] = "application/json"  # fmt: skip


Ask: TypeAlias = StoreGet | StorePut | StoreDelete | StoreList | Fetch
AnswerStatus = Literal["ok", "missing", "denied", "busy", "failed"]


class Asked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A numbered question. number: grows with each; the worker's own."""

    number: Annotated[int, Meta(ge=1, le=2**53)]
    ask: Ask


class Answer(msgspec.Struct, frozen=True):
    """status: "ok"; "missing" (no such note); "denied" (note names the permission that lacks);
    "busy" (too many at once, ask again later); "failed" (note says why). value: the note, or the
    body that was fetched. keys: of `StoreList`. code, type: HTTP status and content type."""

    status: AnswerStatus
    note: Str = ""
    value: bytes = b""
    keys: list[str] = []
    code: int = 0
    type: Label = ""

    @property
    def text(self) -> str:
        """`value` as text; bytes that are not UTF-8 become replacement characters."""
        return self.value.decode("utf-8", "replace")


class Address(NamedTuple):
    """A URL taken apart. target: path and query as they go on the wire."""

    scheme: str
    host: str
    port: int
    target: str


def address_of(url: str) -> Address:
    """Where a URL leads. Raises SdkError for anything but plain http and https: no user, no
    address in brackets, nothing that a second reader could take apart differently."""
    found = _URL.match(url)
    if found is None:
        raise SdkError(f"`{url[:80]!r}` is not http://HOST[:PORT]/PATH or https://HOST[:PORT]/PATH")
    scheme, host, port, rest = found.groups()
    number = int(port) if port else 443 if scheme == "https" else 80
    target = (rest or "/").partition("#")[0]
    return Address(scheme, host.lower(), number, target if target[0] == "/" else f"/{target}")


METHODS: dict[str, str] = {
    "store:get": Capability.STORE,
    "store:put": Capability.STORE,
    "store:delete": Capability.STORE,
    "store:list": Capability.STORE,
    "net:fetch": "net",
}
"""Method of an `Ask` to the kind of permission it takes. A method that is not here is denied."""


def permission_for(ask: Ask) -> str | None:
    """The permission that covers it, as a grant spells it; None when nothing can."""
    kind = METHODS.get(str(ask.__struct_config__.tag))
    if kind == "net":
        try:
            address = address_of(getattr(ask, "url", ""))
        except SdkError:
            return None
        return net_permission(address.host, address.port)
    return kind
