"""settings.toml: the person's own file, with its comments and order kept when we write to it."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import msgspec

from nanochat_host.errors import ConfigFileError, UsageError
from nanochat_host.paths import atomic_write
from nanochat_host.toml import tables

if TYPE_CHECKING:
    import tomlkit

T = TypeVar("T")
Port = Annotated[int, msgspec.Meta(ge=0, le=65535)]


class Settings:
    """Tables of the file, each with a struct that says what may be in it."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def table(self, name: str, kind: type[T]) -> T:
        """A table as its struct; defaults for what is not set. Raises ConfigFileError."""
        try:
            given = tables(self._path.read_text("utf-8")).get(name, {})
        except FileNotFoundError:
            return kind()
        except ValueError as error:
            raise ConfigFileError(str(self._path), str(error)) from None
        if not isinstance(given, dict):
            raise ConfigFileError(str(self._path), "is no table", key=name)
        return self._converted(name, given, kind)

    def faults(self, kinds: Mapping[str, type[Any]]) -> list[ConfigFileError]:
        """What is wrong in the file. kinds: every table there may be, and its struct."""
        out: list[ConfigFileError] = []
        for name, kind in kinds.items():
            try:
                self.table(name, kind)
            except ConfigFileError as error:
                if not any(str(error) == str(known) for known in out):  # no TOML: once is enough
                    out.append(error)
        if not out and self._path.exists():
            for name in tables(self._path.read_text("utf-8")):
                if name not in kinds:
                    near = difflib.get_close_matches(name, kinds, 1)
                    line = self._line(f"[{name}]") or self._line(name)
                    out.append(ConfigFileError(
                        str(self._path), "is no setting", line=line, key=name,
                        near=near[0] if near else "",
                    ))  # fmt: skip
        return out

    def change(self, name: str, changes: dict[str, Any], kind: type[T]) -> T:
        """Set keys of a table (None removes one), and write the file. Raises UsageError for a key
        or value that cannot be, ConfigFileError if the file is wrong already, OSError."""
        import tomlkit

        self.table(name, kind)
        document = self._document()
        table = document.get(name)
        if table is None:
            table = document[name] = tomlkit.table()
        for key, value in changes.items():
            if key not in _fields(kind):
                near = difflib.get_close_matches(key, _fields(kind), 1)
                hint = f"did you mean `{near[0]}`?" if near else ", ".join(_fields(kind))
                raise UsageError(f"there is no setting `{name}.{key}`", hint)
            if value is None:
                table.pop(key, None)
            else:
                table[key] = value
        try:
            result = msgspec.convert(table.unwrap(), kind)
        except msgspec.ValidationError as error:
            raise UsageError(f"{name}: {error}") from None
        self._path.parent.mkdir(parents=True, exist_ok=True)
        atomic_write(self._path, tomlkit.dumps(document))
        return result

    def _document(self) -> tomlkit.TOMLDocument:
        import tomlkit
        from tomlkit.exceptions import TOMLKitError

        try:
            return tomlkit.parse(self._path.read_text("utf-8"))
        except FileNotFoundError:
            return tomlkit.document()
        except (TOMLKitError, UnicodeDecodeError) as error:
            raise ConfigFileError(str(self._path), str(error)) from None

    def _converted(self, name: str, given: dict[str, Any], kind: type[T]) -> T:
        for key in given:
            if key not in _fields(kind):
                near = difflib.get_close_matches(key, _fields(kind), 1)
                raise ConfigFileError(
                    str(self._path), "is no setting", line=self._line(key), key=f"{name}.{key}",
                    near=near[0] if near else "",
                )  # fmt: skip
        try:
            return msgspec.convert(given, kind)
        except msgspec.ValidationError as error:
            raise ConfigFileError(str(self._path), str(error), key=name) from None

    def _line(self, key: str) -> int:
        lines = self._path.read_text("utf-8").splitlines()
        return next((n for n, line in enumerate(lines, 1) if line.lstrip().startswith(key)), 0)


def _fields(kind: type[Any]) -> tuple[str, ...]:
    return tuple(kind.__struct_fields__)


class OtlpSettings(msgspec.Struct):
    """[otlp]: ports on loopback; 0 switches that listener off."""

    http_port: Port = 4318
    grpc_port: Port = 4317
