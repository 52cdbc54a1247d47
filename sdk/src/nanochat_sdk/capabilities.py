"""What a panel may be granted. Everything else is denied, also what is new.

A permission is one string of `pack.toml`: a `Capability`, or a kind with one exact argument,
"files:read:/abs/path" or "net:host:port". There are no wildcards. Each is an operation of the host
on data, never a right of the worker, except that a granted file is readable.
"""

from __future__ import annotations

import ipaddress
import posixpath
import re
from dataclasses import dataclass
from enum import StrEnum

from nanochat_sdk.errors import ManifestError

FILES = "files:read"
NET = "net"
MAX_PERMISSION = 500
"""Characters of one permission."""
_MAX_HOST = 253
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\Z")


class Capability(StrEnum):
    """A right a pack declares in pack.toml and the person grants; each carries the sentence the
    person reads before granting it."""

    sentence: str

    def __new__(cls, value: str, sentence: str) -> Capability:
        member = str.__new__(cls, value)
        member._value_ = value
        member.sentence = sentence
        return member

    METRICS = ("metrics:read", "See the run's metrics: losses, learning rate, throughput.")
    LOGS = ("logs:read", "Read what the training program prints.")
    CONFIG = ("config:read", "See the run's options and the name of its checkout.")
    SAMPLES = ("samples:read", "Read text the model generated during training.")
    EVENTS = ("events:read", "See checkpoints, alerts and changes of state.")
    GPU = ("gpu:read", "See load, memory and temperature of this machine and its GPUs.")
    CHECKPOINT = ("actions:checkpoint", "Ask you to save a checkpoint.")
    PAUSE = ("actions:pause", "Ask you to pause or resume the run.")
    STEER = ("actions:steer", "Ask you to evaluate, sample, or change a live value.")
    STORE = ("store:kv", "Keep up to 256 KiB of notes of its own on this machine.")


@dataclass(frozen=True, order=True)
class Permission:
    """One thing a pack may be granted. kind: a `Capability`'s value, "files:read" or "net".
    argument: the path or "host:port", "" for a capability. `str()` is the one way to write it."""

    kind: str
    argument: str = ""

    def __str__(self) -> str:
        return f"{self.kind}:{self.argument}" if self.argument else self.kind


def parse_permission(text: str) -> Permission:
    """Read a permission as pack.toml writes it. Raises ManifestError naming what is wrong."""
    if len(text) > MAX_PERMISSION:
        raise ManifestError(f"permission `{text[:40]}...` is longer than {MAX_PERMISSION}")
    if not text.isprintable():
        raise ManifestError(f"permission {text!a} has characters that cannot be shown")
    if text in list(Capability):
        return Permission(text)
    if text.startswith(f"{FILES}:"):
        return Permission(FILES, _path(text, text.removeprefix(f"{FILES}:")))
    if text.startswith(f"{NET}:"):
        return Permission(NET, _address(text, text.removeprefix(f"{NET}:")))
    known = ", ".join([*Capability, f"{FILES}:/PATH", f"{NET}:HOST:PORT"])
    raise ManifestError(f"`{text}` is not a permission; there are: {known}")


def sentence(permission: Permission) -> str:
    """What the person reads before granting it."""
    if permission.kind == FILES:
        return f"Read {permission.argument} and, if it is a folder, everything in it."
    if permission.kind == NET:
        host, _, port = permission.argument.rpartition(":")
        return f"Exchange data with {host}, port {port}: what it sees, it can send there."
    return next(one.sentence for one in Capability if one == permission.kind)


def net_permission(host: str, port: int) -> str:
    """The permission to fetch from host and port, as a grant spells it."""
    return f"{NET}:{host.lower()}:{port}"


NEEDED: dict[str, Capability] = {
    "series": Capability.METRICS,
    "latest": Capability.METRICS,
    "log": Capability.LOGS,
    "config": Capability.CONFIG,
    "events:sample": Capability.SAMPLES,
    "events": Capability.EVENTS,
    "machine": Capability.GPU,
    "series:machine": Capability.GPU,
}
"""Part of `Needs` to the capability it takes. Metrics under "sys/" and "gpu/" take GPU instead of
METRICS. Run facts are free: they are what the status bar shows anyway."""

ACTIONS: dict[str, Capability] = {
    "save": Capability.CHECKPOINT,
    "pause": Capability.PAUSE,
    "resume": Capability.PAUSE,
    "eval": Capability.STEER,
    "sample": Capability.STEER,
    "set": Capability.STEER,
    "lr": Capability.STEER,
}
"""Action a panel may request to the capability it takes. `stop` is nobody's but the person's."""


def _path(text: str, path: str) -> str:
    """An absolute path with nothing to resolve in its spelling."""
    if not path.startswith("/") or posixpath.normpath(path) != path or path.startswith("//"):
        raise ManifestError(f"`{text}` needs an absolute path without `.`, `..` or a doubled `/`")
    if path == "/":
        raise ManifestError(f"`{text}` would be everything; name a file or a folder")
    if any(mark in path for mark in "*?[]"):
        raise ManifestError(f"`{text}` has a wildcard; name one file or folder")
    return path


def _address(text: str, address: str) -> str:
    """ "host:port" with a full name or a dotted IPv4 address, in lower case."""
    host, _, port = address.rpartition(":")
    if not (port.isascii() and port.isdigit() and 1 <= int(port[:6]) <= 65535 and port[0] != "0"):
        raise ManifestError(f"`{text}` needs HOST:PORT with a port from 1 to 65535")
    labels = host.split(".")
    if len(host) > _MAX_HOST or not all(map(_LABEL.match, labels)):
        raise ManifestError(f"`{text}` needs one exact host name, such as api.example.org")
    if labels[-1].isdigit() or labels[-1].startswith("0x"):
        # Anything that ends in a number is an address to a resolver: only its plain form is one.
        try:
            ipaddress.IPv4Address(host)
        except ValueError:
            raise ManifestError(f"`{text}` has an address that is not four numbers") from None
    elif len(labels) < 2:
        raise ManifestError(f"`{text}` names this machine or one beside it, not a public host")
    return f"{host}:{port}"
