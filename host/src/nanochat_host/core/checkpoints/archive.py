"""Names, shapes and dtypes in a file of `torch.save`, without torch and without running its code.

Such a file is a zip with one pickle that describes tensors and one entry of raw bytes for each
storage. The pickle is read by an interpreter of its own that knows only the operations `torch.save`
needs: it builds lists, tuples and dicts with plain keys, imports nothing, calls nothing but the
stand-ins below, and drops every object's state. What else a pickle asks for is refused by name.
"""

from __future__ import annotations

import io
import math
import os
import pickle
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

MAX_DESCRIPTION_BYTES = 64 * 2**20
_TAIL = struct.Struct("<4s4H2LH")
_TAIL_MAGIC, _BIG = b"PK\x05\x06", 0xFFFFFFFF
_LEGACY = b"\x80\x02\x8a\x0a"  # how `torch.save` began its files before the zip format
_BYTES = {
    f"{kind}Storage": size_bytes
    for size_bytes, kinds in (
        (1, ("Char", "Byte", "Bool", "Untyped")),
        (2, ("Half", "BFloat16", "Short")),
        (4, ("Float", "Int")),
        (8, ("Double", "Long", "ComplexFloat")),
        (16, ("ComplexDouble",)),
    )
    for kind in kinds
}


class BadArchiveError(Exception):
    """The file cannot be read as a checkpoint; the text says why, without the file's name."""


class Tensor(NamedTuple):
    """dtype: as torch names the storage ("Float", "BFloat16")."""

    shape: tuple[int, ...]
    dtype: str

    @property
    def elements(self) -> int:
        return math.prod(self.shape)


class _Storage(NamedTuple):
    kind: str
    key: str
    elements: int


class _Opaque(NamedTuple):
    """A dtype, a device: something of torch's that says nothing about shapes."""

    name: str


def broken(path: str | Path, size_bytes: int) -> str:
    """Why the file cannot be whole, "" if it may be: the end of a zip is written last. A few
    microseconds. Raises OSError."""
    if size_bytes == 0:
        return "empty"
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        head = os.pread(fd, 4, 0)
        tail = os.pread(fd, _TAIL.size, max(size_bytes - _TAIL.size, 0))
    finally:
        os.close(fd)
    if head == _LEGACY:
        return ""
    if head != b"PK\x03\x04":
        return "not a file of torch.save"
    if len(tail) < _TAIL.size or not tail.startswith(_TAIL_MAGIC):
        return "cut short: its end is missing"
    _, _, _, _, _, directory_bytes, directory_at, _ = _TAIL.unpack(tail)
    if directory_at != _BIG and directory_at + directory_bytes > size_bytes - _TAIL.size:
        return "cut short: parts of it are missing"
    return ""


def read_archive(path: Path) -> Any:
    """What was saved, with a `Tensor` wherever there was one. Reads the description only, and
    compares each tensor's bytes with what the file holds. Raises BadArchiveError, OSError."""
    trouble = broken(path, path.stat().st_size)
    if trouble:
        raise BadArchiveError(trouble)
    if not zipfile.is_zipfile(path):
        raise BadArchiveError("a format from before torch 1.6, whose shapes cannot be read safely")
    try:
        with zipfile.ZipFile(path) as zipped:
            entries = {entry.filename.partition("/")[2]: entry for entry in zipped.infolist()}
            description = entries.get("data.pkl")
            if description is None:
                raise BadArchiveError("not a file of torch.save")
            if description.file_size > MAX_DESCRIPTION_BYTES or description.compress_type:
                raise BadArchiveError("its description is larger than any model's")
            raw = zipped.read(description)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, ValueError) as error:
        raise BadArchiveError(f"damaged: {error}") from None
    sizes = {name[5:]: entry.file_size for name, entry in entries.items() if name[:5] == "data/"}
    try:
        return _Reader(raw, sizes).load()
    except BadArchiveError:
        raise
    except Exception as error:  # a damaged pickle can raise nearly anything
        raise BadArchiveError(f"damaged: {type(error).__name__}") from None


_ALLOWED = (
    *(pickle.PROTO, pickle.FRAME, pickle.STOP, pickle.MARK, pickle.POP, pickle.POP_MARK),
    *(pickle.NONE, pickle.NEWTRUE, pickle.NEWFALSE, pickle.BININT, pickle.BININT1, pickle.BININT2),
    *(pickle.LONG1, pickle.LONG4, pickle.BINFLOAT, pickle.BINUNICODE, pickle.SHORT_BINUNICODE),
    *(pickle.BINUNICODE8, pickle.BINBYTES, pickle.SHORT_BINBYTES, pickle.BINSTRING),
    *(pickle.SHORT_BINSTRING, pickle.EMPTY_LIST, pickle.APPEND, pickle.APPENDS),
    *(pickle.EMPTY_TUPLE, pickle.TUPLE, pickle.TUPLE1, pickle.TUPLE2, pickle.TUPLE3),
    *(pickle.EMPTY_DICT, pickle.SETITEM, pickle.SETITEMS, pickle.GLOBAL, pickle.STACK_GLOBAL),
    *(pickle.REDUCE, pickle.BUILD, pickle.BINPERSID, pickle.BINGET, pickle.LONG_BINGET),
    *(pickle.BINPUT, pickle.LONG_BINPUT, pickle.MEMOIZE),
)
_PurePython: Any = pickle._Unpickler  # the C one grows its memo to any index a file names


class _Reader(_PurePython):  # type: ignore[misc]  # typed Any: its hooks are not in the stubs
    """Interprets one description. sizes: bytes of each storage in the file."""

    dispatch: ClassVar[dict[int, Callable[[Any], None]]] = {
        code[0]: _PurePython.dispatch[code[0]] for code in _ALLOWED
    }

    def __init__(self, raw: bytes, sizes: dict[str, int]) -> None:
        super().__init__(io.BytesIO(raw))
        self._sizes = sizes

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return _ordered
        if module in {"torch", "torch.storage"} and name in _BYTES:
            return _Opaque(name)
        if module == "torch._utils" and name in _REBUILD:
            return _REBUILD[name]
        if module == "torch" and name.isidentifier() and name.islower():
            return _Opaque(name)  # a dtype or `device`: never called, see `_reduce`
        raise BadArchiveError(f"it asks for `{module}.{name}`, which no checkpoint needs")

    def persistent_load(self, pid: Any) -> _Storage:
        word, kind, key, _, count = pid
        if word != "storage" or not isinstance(kind, _Opaque) or kind.name not in _BYTES:
            raise BadArchiveError("damaged: an unknown kind of storage")
        if self._sizes.get(key, -1) < count * _BYTES[kind.name]:
            raise BadArchiveError(f"cut short: storage {key} is not all there")
        return _Storage(kind.name, key, count)

    def _reduce(self) -> None:
        arguments = self.stack.pop()
        made = self.stack[-1]
        if isinstance(made, _Opaque):
            self.stack[-1] = _Opaque(f"{made.name}(...)")
        elif made is _ordered or made in _REBUILD.values():
            self.stack[-1] = made(*arguments)
        else:
            raise BadArchiveError("damaged: a call of something that is no function")

    def _build(self) -> None:
        self.stack.pop()  # the state of an object: nothing of it is needed

    def _setitem(self) -> None:
        value, key = self.stack.pop(), self.stack.pop()
        _put(self.stack[-1], key, value)

    def _setitems(self) -> None:
        items = self.pop_mark()
        for at in range(0, len(items) - 1, 2):
            _put(self.stack[-1], items[at], items[at + 1])

    dispatch[pickle.REDUCE[0]] = _reduce
    dispatch[pickle.BUILD[0]] = _build
    dispatch[pickle.SETITEM[0]] = _setitem
    dispatch[pickle.SETITEMS[0]] = _setitems


def _put(target: Any, key: Any, value: Any) -> None:
    """Only plain keys: hashing a deeply shared tuple would take for ever."""
    if type(target) is not dict or type(key) not in (str, int, float, bool, type(None)):
        raise BadArchiveError("damaged: a dict with keys that are no names")
    target[key] = value


def _ordered() -> dict[Any, Any]:
    return {}


def _tensor(storage: _Storage, offset: int, shape: Any, stride: Any, *_: Any) -> Tensor:
    sizes = tuple(int(n) for n in shape)
    reach = 1 + sum((n - 1) * int(step) for n, step in zip(sizes, stride, strict=True))
    reach *= _BYTES[storage.kind] if storage.kind == "UntypedStorage" else 1
    if 0 not in sizes and (min(sizes, default=1) < 0 or offset + reach > storage.elements):
        raise BadArchiveError("damaged: a tensor is larger than its storage")
    return Tensor(sizes, storage.kind.removesuffix("Storage"))


def _typed_tensor(storage: _Storage, offset: int, shape: Any, stride: Any, *rest: Any) -> Tensor:
    dtype = next((x.name for x in rest if isinstance(x, _Opaque)), storage.kind)
    return Tensor(tuple(int(n) for n in shape), dtype)


def _parameter(data: Tensor, *_: Any) -> Tensor:
    return data


_REBUILD: dict[str, Callable[..., Any]] = {
    "_rebuild_tensor": _tensor,
    "_rebuild_tensor_v2": _tensor,
    "_rebuild_tensor_v3": _typed_tensor,
    "_rebuild_parameter": _parameter,
}
