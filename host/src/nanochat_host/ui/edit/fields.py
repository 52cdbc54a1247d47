"""What can be set about a panel, as fields: from its options schema and its placement. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from nanochat_sdk.manifest import OptionSpec, PanelManifest, option_errors

from nanochat_host.layout.spec import Placement

Kind = Literal["str", "int", "float", "bool", "metric", "metrics", "run"]
MAX_HZ = 60.0
OPTION = "options."


@dataclass(frozen=True)
class Field:
    """One line of the form. key: a name of `Placement`, or "options." and an option. value: now.
    default: what it is without being set. unset: what stands for the default, in words."""

    key: str
    label: str
    kind: Kind
    help: str
    value: Any
    default: Any
    choices: tuple[Any, ...] = ()
    unset: str = ""

    @property
    def changed(self) -> bool:
        """It is not the default."""
        return bool(self.value != self.default)

    @property
    def text(self) -> str:
        """The value as typed."""
        if isinstance(self.value, bool):
            return "yes" if self.value else "no"
        if isinstance(self.value, list):
            return ", ".join(str(item) for item in self.value)
        return f"{self.value:g}" if isinstance(self.value, float) else str(self.value)

    @property
    def shown(self) -> str:
        """The value as listed."""
        return self.unset if self.unset and not self.changed else self.text

    @property
    def picks(self) -> tuple[Any, ...]:
        """The values to go through with enter; none for what is typed."""
        return (False, True) if self.kind == "bool" else self.choices


def fields_of(placement: Placement, manifest: PanelManifest | None) -> list[Field]:
    """Every field of a panel, its own options first."""
    return [*_options(placement, manifest), *_common(placement, manifest)]


def _options(placement: Placement, manifest: PanelManifest | None) -> Iterator[Field]:
    specs: Mapping[str, OptionSpec] = manifest.options if manifest else {}
    for name, spec in specs.items():
        yield Field(
            OPTION + name, name.replace("_", " "), spec.type, _with_range(spec),
            placement.options.get(name, spec.default), spec.default, tuple(spec.choices or ()),
        )  # fmt: skip


def _with_range(spec: OptionSpec) -> str:
    if spec.min is not None and spec.max is not None:
        return f"{spec.help} From {_plain(spec.min)} to {_plain(spec.max)}."
    return spec.help


def _plain(number: float) -> str:
    """Without an exponent: 1,000,000 rather than 1e+06."""
    return f"{number:,.6f}".rstrip("0").rstrip(".")


def _common(placement: Placement, manifest: PanelManifest | None) -> Iterator[Field]:
    own_title = manifest.title if manifest else placement.panel
    yield Field("title", "title", "str", "In the frame; empty for the panel's own.",
                placement.title, "", unset=own_title)  # fmt: skip
    rate = f"{manifest.refresh_hz:g}" if manifest else ""
    yield Field(
        "refresh_hz", "frames a second", "float",
        f"At most; 0 for the panel's own, up to {MAX_HZ:g}.", placement.refresh_hz, 0.0,
        unset=f"{rate} (its own)" if rate else "its own",
    )  # fmt: skip
    yield Field("source", "run", "run", "Which run it shows; empty for the run on show.",
                placement.source, "", unset="the run on show")  # fmt: skip


def parse(field: Field, text: str, manifest: PanelManifest | None) -> Any:
    """The value that a text stands for. Raises ValueError with what is wrong with it."""
    text = text.strip()
    value = _typed(field, text)
    if field.key == "refresh_hz" and not 0 <= value <= MAX_HZ:
        raise ValueError(f"must be from 0 to {MAX_HZ:g}")
    if field.key in ("title", "source") and (not text.isprintable() or len(text) > 60):
        raise ValueError("must be one line of at most 60 characters")
    if field.key.startswith(OPTION) and manifest is not None:
        name = field.key.removeprefix(OPTION)
        for error in option_errors(manifest.options, {name: value}):
            near = f"; did you mean {error.near}?" if error.near else ""
            raise ValueError(f"{error.message}{near}")
    return value


def _typed(field: Field, text: str) -> Any:
    if field.choices:
        return next((choice for choice in field.choices if str(choice) == text), text)
    match field.kind:
        case "bool":
            words = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}
            if text.lower() not in words:
                raise ValueError("must be yes or no")
            return words[text.lower()]
        case "int":
            return _number(int, text, "must be a whole number")
        case "float":
            return _number(float, text, "must be a number")
        case "metrics":
            return [name for part in text.split(",") if (name := part.strip())]
        case _:
            return text


def _number(kind: type[int] | type[float], text: str, wrong: str) -> int | float:
    try:
        return kind(text)
    except ValueError:
        raise ValueError(wrong) from None


def with_value(placement: Placement, key: str, value: Any) -> Placement:
    """The placement with one field set."""
    if key.startswith(OPTION):
        return replace(placement, options={**placement.options, key.removeprefix(OPTION): value})
    changes: dict[str, Any] = {key: value}
    return replace(placement, **changes)


def completions(field: Field, text: str, known: Sequence[str], most: int = 6) -> list[str]:
    """Known names that fit what is being typed: of a list, its last item. Those that begin with
    it come first."""
    last = text.rpartition(",")[2].strip().lower() if field.kind == "metrics" else text.lower()
    fits = [name for name in known if last in name.lower() and name.lower() != last]
    return sorted(fits, key=lambda name: (not name.lower().startswith(last), name))[:most]


def completed(field: Field, text: str, name: str) -> str:
    """The text with what is being typed replaced by a name."""
    if field.kind != "metrics":
        return name
    before, comma, _ = text.rpartition(",")
    return f"{before}{comma} {name}".strip()
