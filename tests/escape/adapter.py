"""The hostile side of a case, as it lies in the case's pack: takes the channel over from the SDK
and speaks the wire itself, so that nothing of the SDK checks what it sends.

Under guard it is a pack's module (`Case`). In the control run it is a program, at the careless end
of the same two pipes, in the runner's environment and on its terminal.
"""

from __future__ import annotations

import importlib
import json
import os
import struct
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
from nanochat_sdk import Panel
from nanochat_sdk.codec import FrameReader, decode_to_worker
from nanochat_sdk.protocol import MAX_DATA_FRAME, MAX_FRAME, Frame

CHANNEL_IN, CHANNEL_OUT = 3, 4
HERE = Path(__file__).parent
STYLE, BAD_STYLE = "primary", "no-such-style"


class Case(Panel):
    """What pack.toml names. Never returns from its construction: the case has the worker now."""

    def __init__(self, options: dict[str, Any]) -> None:
        super().__init__(options)
        take_over()


def take_over() -> None:
    """Answer frames for the case until the host closes the pipe, then end the process."""
    setup = json.loads((HERE / "case.json").read_text())
    case = importlib.import_module("panel_file")
    send({"op": "loaded", "needs": {}})
    reader = FrameReader(MAX_DATA_FRAME)
    while True:
        while (raw := reader.take()) is None:
            chunk = os.read(CHANNEL_IN, 65536)
            if not chunk:
                os._exit(0)
            reader.feed(chunk)
        frame = decode_to_worker(raw)
        assert isinstance(frame, Frame)
        told = [
            {"status": one.status, "note": one.note, "text": one.text, "code": one.code}
            for _number, one in sorted(frame.answers.items())
        ]
        answer(case, setup["kind"], {**setup["ctx"], "frame": frame.seq, "answers": told})


def answer(case: Any, kind: str, ctx: dict[str, Any]) -> None:
    """One frame, by the kind of case. Whatever it raises is told to the host as it is."""
    seq = ctx["frame"]
    try:
        if kind == "raw":
            case.raw(ctx, write_raw)
            return
        if kind == "ask" and seq == 1:
            asks = [{"number": n, "ask": ask} for n, ask in enumerate(case.asks(ctx), 1)]
            send({"op": "reply", "seq": seq, "payload": translated(text("asked")), "asks": asks})
            return
        act: Callable[[dict[str, Any]], Any] = getattr(
            case, "payload" if kind in ("payload", "benign") else "attempt"
        )
        result = act(ctx)
    except BaseException as error:
        send({"op": "failed", "message": f"{type(error).__name__}: {error}"[:4000], "seq": seq})
        return
    body = result if isinstance(result, dict) else text(str(result))
    send({"op": "reply", "seq": seq, "payload": translated(body)})


def text(line: str) -> dict[str, Any]:
    """A body of the cases' contract with one line."""
    return {"kind": "text", "lines": [line]}


def write_raw(data: bytes) -> None:
    """The bytes of a `raw` case. Its frames are written as length and JSON of {seq, body}; where
    that is what they are, the same frames go out in this host's encoding, with all that is wrong
    about them. Any other bytes go out as they are."""
    write_all(b"".join(reencoded(data)))


def reencoded(data: bytes) -> list[bytes]:
    frames, rest = [], data
    while len(rest) >= 4:
        (size,) = struct.unpack(">I", rest[:4])
        try:
            if not 0 < size <= min(MAX_FRAME, len(rest) - 4):
                return [data]
            said = json.loads(rest[4 : 4 + size])
        except (ValueError, RecursionError):
            return [data]
        if not isinstance(said, dict) or "body" not in said:
            return [data]
        body = said.pop("body")
        frames.append(framed({"op": "reply", **said, "payload": translated(body)}))
        rest = rest[4 + size :]
    return [data] if rest else frames


def translated(body: Any) -> Any:
    """A body of the cases' contract as a payload of this host; what is wrong in it stays wrong, and
    what is not one of its kinds stays as it is."""
    kind = body.get("kind") if isinstance(body, dict) else None
    try:
        if kind == "text":
            return {**body, "lines": [[[line, STYLE]] for line in _list(body["lines"])]}
        if kind == "cells":
            palette = [_style(entry) for entry in _list(body.pop("palette"))]
            rows = [[[text, _at(palette, index)] for text, index in row] for row in body["rows"]]
            used = [[["", style]] for style in palette]
            return {"kind": "cells", "lines": rows + used}
        if kind == "chart":
            plots = [_plot(series) for series in _list(body["series"])]
            return {"kind": "chart", "plots": plots, "caption": [[body.get("title", ""), STYLE]]}
    except (KeyError, TypeError, ValueError, OverflowError, struct.error):
        pass
    return body


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError("not a list")
    return value


def _style(entry: Any) -> str:
    """A palette entry is [fg, bg, attributes]; this host knows styles by name only."""
    good = (
        isinstance(entry, list)
        and len(entry) == 3
        and all(isinstance(part, int) for part in entry)
        and all(-1 <= color <= 0xFFFFFF for color in entry[:2])
        and 0 <= entry[2] < 32
    )
    return STYLE if good else BAD_STYLE


def _at(palette: list[str], index: Any) -> str:
    return palette[index] if isinstance(index, int) and index < len(palette) else BAD_STYLE


def _plot(series: dict[str, Any]) -> dict[str, Any]:
    columns = [
        b"".join(struct.pack("<d", float("nan") if v is None else v) for v in series[name])
        for name in ("xs", "ys")
    ]
    return {"label": series["name"], "x": columns[0], "y": columns[1]}


def send(message: Any) -> None:
    write_all(framed(message))


def framed(message: Any) -> bytes:
    try:
        packed = msgspec.msgpack.encode(message)
    except UnicodeEncodeError:  # half of a surrogate pair: the encoder is too good for it
        packed = _with_surrogates(message)
    return struct.pack(">I", len(packed)) + packed


def _with_surrogates(value: Any) -> bytes:
    if isinstance(value, str):
        raw = value.encode("utf-8", "surrogatepass")
        return struct.pack(">BI", 0xDB, len(raw)) + raw
    if isinstance(value, list):
        return struct.pack(">BI", 0xDD, len(value)) + b"".join(map(_with_surrogates, value))
    if isinstance(value, dict):
        parts = [_with_surrogates(part) for item in value.items() for part in item]
        return struct.pack(">BI", 0xDF, len(value)) + b"".join(parts)
    return msgspec.msgpack.encode(value)


def write_all(data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(CHANNEL_OUT, view) :]


if __name__ == "__main__":
    sys.path.insert(0, str(HERE))
    take_over()
