"""Prompts worth keeping: ours, until the person has some of their own. Methods block."""

from __future__ import annotations

from pathlib import Path

import msgspec

from nanochat_host.core.wire_chat import Preset
from nanochat_host.errors import CannotWriteError, ConfigFileError
from nanochat_host.paths import atomic_write

SHIPPED = [
    Preset("Greeting", "Hello! Who are you?"),
    Preset("Why", "Why is the sky blue?"),
    Preset("Arithmetic", "What is 12 times 34? Use the calculator if you can."),
    Preset("Spelling", 'How many r are in "strawberry"?'),
    Preset("Story", "Write a short story about a robot that learns to paint."),
    Preset("Code", "Write a Python function that reverses a string."),
    Preset("Facts: France", "The capital of France is", "continue"),
    Preset("Facts: gold", "The chemical symbol of gold is", "continue"),
    Preset("Counting", "If yesterday was Friday, then tomorrow will be", "continue"),
    Preset("Code: def", "def fibonacci(n):\n", "continue"),
]


class Presets:
    """file: a JSON list, which may be edited by hand."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def all(self) -> list[Preset]:
        """Raises ConfigFileError for a file that is no such list."""
        try:
            return msgspec.json.decode(self._file.read_bytes(), type=list[Preset])
        except FileNotFoundError:
            return list(SHIPPED)
        except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
            raise ConfigFileError(str(self._file), f"cannot be read ({error})") from None

    def save(self, presets: list[Preset]) -> list[Preset]:
        """All of them; none brings ours back. Raises NanochatCliError."""
        try:
            if presets:
                self._file.parent.mkdir(parents=True, exist_ok=True)
                atomic_write(self._file, msgspec.json.format(msgspec.json.encode(presets)))
            else:
                self._file.unlink(missing_ok=True)
        except OSError as error:
            raise CannotWriteError(self._file, error) from None
        return self.all()
