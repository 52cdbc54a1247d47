"""What host and zygote say to each other: four messages, some with descriptors attached.

A stream socket, not SEQPACKET, because macOS has none. The kernel never merges two messages that
carry descriptors into one read, so descriptors are taken in the order of the messages they came
with.
"""

from __future__ import annotations

import os
import socket
from collections import deque

import msgspec
from nanochat_sdk.codec import DECODE_ERRORS, FrameReader, frame_message
from nanochat_sdk.errors import WireError

_MAX_MESSAGE = 4096
_MAX_FDS = 3
_CHUNK = 65536


class Ready(msgspec.Struct, frozen=True, tag="ready", forbid_unknown_fields=True):
    """zygote -> host: everything is imported; pid is the zygote's."""

    pid: int


class Spawn(msgspec.Struct, frozen=True, tag="spawn", forbid_unknown_fields=True):
    """host -> zygote, with three descriptors: the worker's ends of channel in, channel out, log."""

    id: int
    fds: int = 3


class Spawned(msgspec.Struct, frozen=True, tag="spawned", forbid_unknown_fields=True):
    """zygote -> host, with a pidfd where the system has them (fds is 1)."""

    id: int
    pid: int
    fds: int = 0


class Exited(msgspec.Struct, frozen=True, tag="exited", forbid_unknown_fields=True):
    """zygote -> host. code: exit code, or minus the signal's number."""

    id: int
    code: int


Message = Ready | Spawn | Spawned | Exited
_decoder: msgspec.msgpack.Decoder[Message] = msgspec.msgpack.Decoder(Message)


class ControlSocket:
    """Either end of the conversation."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self._reader = FrameReader(_MAX_MESSAGE)
        self._fds: deque[int] = deque()

    def send(self, message: Message, fds: tuple[int, ...] = ()) -> None:
        """Raises OSError when the other side is gone or does not read."""
        framed = frame_message(message, _MAX_MESSAGE)
        if fds:
            socket.send_fds(self.sock, [framed], list(fds))
        else:
            self.sock.sendall(framed)

    def receive(self) -> list[tuple[Message, tuple[int, ...]]] | None:
        """Messages of one read with their descriptors, None at the end of the stream.

        Raises WireError at nonsense, OSError (BlockingIOError) as the socket does.
        """
        chunk, fds, _flags, _address = socket.recv_fds(self.sock, _CHUNK, _MAX_FDS)
        for fd in fds:
            os.set_inheritable(fd, False)
        self._fds.extend(fds)
        if not chunk:
            return None
        self._reader.feed(chunk)
        messages: list[tuple[Message, tuple[int, ...]]] = []
        while (raw := self._reader.take()) is not None:
            try:
                message = _decoder.decode(raw)
            except DECODE_ERRORS as error:
                raise WireError(str(error)) from None
            count = message.fds if isinstance(message, Spawn | Spawned) else 0
            if count > len(self._fds):
                raise WireError("a message came without its descriptors")
            messages.append((message, tuple(self._fds.popleft() for _ in range(count))))
        return messages

    def close(self) -> None:
        """Close the socket and whatever descriptors nobody took."""
        while self._fds:
            os.close(self._fds.popleft())
        self.sock.close()
