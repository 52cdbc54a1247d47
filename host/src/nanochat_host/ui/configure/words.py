"""Values, figures and findings in the words of the start screen."""

from __future__ import annotations

from typing import Any

from nanochat_sdk import format as fmt

from nanochat_host.core.wire_config import FieldInfo, FieldValue, Figure, Finding
from nanochat_host.packs.sanitize import clean
from nanochat_host.ui.configure.draft import GPU, NAME, NPROC, PREFAB

UNCHANGED = 1e-9
OWN_HINTS = {
    PREFAB: "a named configuration to begin with: p lists them, with the GPUs they fit",
    NPROC: "one for each GPU; more than 1 run under torchrun; empty for what the prefab says",
    NAME: "for the run list",
    GPU: "what hours, dollars and memory are computed for; the run starts on this machine",
}


def value_text(value: Any) -> str:
    """An option's value as a person types it."""
    if value is None:
        return ""
    return clean(str(value).lower() if isinstance(value, bool) else str(value))


def source_text(source: str, parent: bool) -> str:
    """Where a value is from. parent: it was filled in from a checkpoint."""
    if source == "set":
        return "checkpoint" if parent else "edited"
    kind, _, name = source.partition(":")
    return {"prefab": clean(name), "recipe": "recipe"}.get(kind, "")


def about(field: FieldInfo) -> str:
    """Help, unit and what may be typed, in one line."""
    words = [clean(field.help)] if field.help else []
    if field.choices:
        words.append("|".join(clean(str(choice)) or "''" for choice in field.choices))
    elif field.unit and field.unit not in field.help:
        words.append(field.unit)
    if field.live:
        words.append("can be changed while it runs")
    return " · ".join(words) or field.type


def takes(field: FieldInfo) -> str:
    """What may be typed, in a few words."""
    low = f"{field.lo:g} or more" if field.lo is not None else ""
    both = f"{field.lo:g} to {field.hi:g}" if low and field.hi is not None else low
    off = f"{field.off} is off" if field.off is not None else ""
    choices = "|".join(clean(str(choice)) or "''" for choice in field.choices or ())
    return " · ".join(word for word in (choices or both or field.type, field.unit, off) if word)


def hint_text(field: FieldInfo, value: FieldValue | None, below: FieldValue | None) -> str:
    """Everything about an option, in one line. below: its value without what was changed."""
    words = [clean(field.help), takes(field), f"default {value_text(field.default) or 'empty'}"]
    source = value.source.partition(":") if value else ("", "", "")
    if source[0] in ("prefab", "recipe"):
        words.append(f"from the {source[0]} {clean(source[2])}")
    elif source[0] == "set" and below is not None:
        words.insert(0, f"was {value_text(below.value) or 'empty'}")
    if field.live:
        words.append("can be changed while it runs")
    return " · ".join(word for word in words if word)


A_CENT, A_SECOND_H = 0.01, 1 / 3600


def figure_text(figure: Figure) -> str:
    """A figure with its unit; what is estimated says "about"."""
    number = figure.value
    if isinstance(number, str):
        return clean(number)
    if figure.unit == "USD" and 0 < number < A_CENT:
        return "under a cent"
    if figure.unit == "h" and 0 < number < A_SECOND_H:
        return "under a second"
    if figure.unit == "bytes":
        text = fmt.size(number)
    elif figure.unit == "USD":
        text = fmt.dollars(number)
    elif figure.unit == "fraction":
        text = fmt.percent(100 * number)
    elif figure.unit == "h":
        text = fmt.duration(3600 * number)
    elif isinstance(number, int) and abs(number) < 100_000:
        text = f"{number:,}"
    else:
        text = fmt.short(number)
    return text if figure.exact else f"about {text}"


def delta_text(now: Figure, before: Figure) -> str:
    """How a figure differs from the prefab's, "" if it does not."""
    a, b = before.value, now.value
    if isinstance(a, str) or isinstance(b, str) or abs(b - a) <= UNCHANGED * abs(a):
        return ""
    if not a:
        return f"was {figure_text(before).removeprefix('about ')}"
    ratio = b / a
    shown = f"{100 * (ratio - 1):+.0f} %" if 0.05 < ratio < 11 else f"×{ratio:,.0f}"
    if 0 < ratio <= 0.05:
        shown = f"÷{a / b:,.0f}"
    return f"{shown}, was {figure_text(before).removeprefix('about ')}"


def fix_text(finding: Finding) -> str:
    """What accepting a finding's fix changes, "" if it has none."""
    parts = [
        f"{clean(name)} = {value_text(to)}" if to is not None else f"leave out {clean(name)}"
        for name, to in finding.fix.items()
    ]
    return ", ".join(part.replace("nproc =", "processes =") for part in parts)
