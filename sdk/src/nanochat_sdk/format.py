"""Numbers, times and text as people read them.

Every function takes whatever the data holds (NaN, infinities, huge integers, None, a string where
a number was expected) and answers with a short string: `UNKNOWN` for what is no number. Nothing
here raises.
"""

from __future__ import annotations

import math
import re
from unicodedata import category, combining, east_asian_width

UNKNOWN = "–"
_ESCAPE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")
_SHORT = ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k"))
_BYTES = ((2**50, "PiB"), (2**40, "TiB"), (2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB"))


def as_float(value: object) -> float | None:
    """The finite number in `value`, or None: NaN, infinities, booleans and text are none."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def _odd(value: object) -> str:
    """What to print for a value that is not a finite number."""
    if isinstance(value, float):
        return "NaN" if math.isnan(value) else ("inf" if value > 0 else "-inf")
    return "huge" if isinstance(value, int) and not isinstance(value, bool) else UNKNOWN


def number(value: object, digits: int = 4) -> str:
    """`digits` significant digits: "2.418", "0.004182", "10,782", "1.44e+20"."""
    x = as_float(value)
    if x is None:
        return _odd(value)
    if x == 0:
        return "0"
    magnitude = math.floor(math.log10(abs(x)))
    if magnitude >= 15 or magnitude < -5:
        return f"{x:.{max(digits - 2, 0)}e}"
    return f"{x:,.{max(digits - 1 - magnitude, 0)}f}"


def fixed(value: object, decimals: int = 2) -> str:
    """`decimals` places, for columns whose points line up: "2.4184". Very large: as `number`."""
    x = as_float(value)
    if x is None:
        return _odd(value)
    return f"{x:,.{decimals}f}" if abs(x) < 1e12 else number(x)


def integer(value: object) -> str:
    """Thousands separated: "1,179,726". Beyond 15 digits as `number`."""
    x = as_float(value)
    if x is None:
        return _odd(value)
    return f"{round(x):,}" if abs(x) < 1e15 else number(x)


def short(value: object, digits: int = 3) -> str:
    """A large count in `digits` digits: "950", "1.18M", "5.22B", "3.09e+19"."""
    x = as_float(value)
    if x is None:
        return _odd(value)
    if abs(x) >= 1e15:
        return number(x)
    for index, (scale, suffix) in enumerate(_SHORT):
        if abs(x) >= scale * (1 - 0.5 / 10**digits):
            shown = _digits(x / scale, digits)
            if shown.lstrip("-") == "1000" and index:
                return f"{'-' if x < 0 else ''}1{_SHORT[index - 1][1]}"
            return f"{shown}{suffix}"
    return number(x, digits) if x != round(x) else f"{round(x)}"


def _digits(x: float, digits: int) -> str:
    whole = len(str(int(abs(x))))
    text = f"{x:.{max(digits - whole, 0)}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def tokens(value: object) -> str:
    """A number of tokens: "5.22B tok"."""
    return short(value) if as_float(value) is None else f"{short(value)} tok"


def percent(value: object, decimals: int = 1) -> str:
    """A number that is a percentage already: "41.2 %"."""
    return _odd(value) if as_float(value) is None else f"{fixed(value, decimals)} %"


def size(value: object) -> str:
    """Bytes, in powers of 1,024: "4.5 MiB", "71.2 GiB", "512 B"."""
    x = as_float(value)
    if x is None:
        return _odd(value)
    for scale, suffix in _BYTES:
        if abs(x) >= scale:
            return f"{number(x / scale, 3)} {suffix}"
    return f"{round(x)} B"


def duration(seconds: object) -> str:
    """Seconds in two units: "0.4s", "48s", "3m12s", "2h05m", "3d04h"."""
    x = as_float(seconds)
    if x is None:
        return _odd(seconds)
    sign, x = ("-", -x) if x < 0 else ("", x)
    if x < 9.95:
        return f"{sign}{x:.1f}s"
    whole = round(x)
    if whole < 60:
        return f"{sign}{whole}s"
    if whole < 3600:
        return f"{sign}{whole // 60}m{whole % 60:02d}s"
    if whole < 86400:
        return f"{sign}{whole // 3600}h{whole % 3600 // 60:02d}m"
    if whole < 86400 * 10000:
        return f"{sign}{whole // 86400}d{whole % 86400 // 3600:02d}h"
    return f"{sign}{short(x / 86400)} days"


def latency(seconds: object) -> str:
    """A short time with its unit: "312 µs", "84.3 ms", "1.24 s", "3m12s"."""
    x = as_float(seconds)
    if x is None:
        return _odd(seconds)
    if abs(x) >= 60:
        return duration(x)
    if abs(x) >= 1:
        return f"{number(x, 3)} s"
    if abs(x) >= 1e-3:
        return f"{number(x * 1e3, 3)} ms"
    return f"{round(x * 1e6)} µs"


def age(now: object, then: object) -> str:
    """How long ago `then` was, both in seconds since 1970: "2m ago", "just now"."""
    a, b = as_float(now), as_float(then)
    if a is None or b is None or b <= 0:
        return UNKNOWN
    passed = max(a - b, 0.0)
    if passed < 5:
        return "just now"
    for span_s, unit in ((86400, "d"), (3600, "h"), (60, "m")):
        if passed >= span_s:
            return f"{short(passed // span_s)}{unit} ago"
    return f"{int(passed)}s ago"


def dollars(value: object) -> str:
    """US dollars: "$0.42", "$73.10", "$1,204"."""
    x = as_float(value)
    if x is None:
        return _odd(value)
    sign, x = ("-", -x) if x < 0 else ("", x)
    return f"{sign}${fixed(x, 2) if x < 1000 else integer(x)}"


def plain(text: object, limit: int = 4096) -> str:
    """One line without escape sequences, control characters or tabs, at most `limit` long."""
    raw = text if isinstance(text, str) else str(text)
    raw = _ESCAPE.sub("", raw[: 4 * limit])
    if not raw.isprintable():
        raw = raw.replace("\t", "    ")
        raw = "".join(
            c if c.isprintable() else " " if category(c) in ("Cc", "Zl", "Zp", "Zs") else ""
            for c in raw
        )
    return raw[:limit]


def cells(text: str) -> int:
    """Width of text on a terminal: two for wide characters, none for combining ones."""
    if text.isascii():
        return len(text)
    return sum(
        0 if combining(c) or category(c) in ("Mn", "Me", "Cf") else
        2 if east_asian_width(c) in ("W", "F") else 1
        for c in text
    )  # fmt: skip


def fit(text: str, width: int, align: str = "left") -> str:
    """Exactly `width` cells: padded, or cut with "…". align: "left" or "right"."""
    return pad(cut(text, width), width, align)


def cut(text: str, width: int) -> str:
    """At most `width` cells; what does not fit ends in "…"."""
    if width <= 0:
        return ""
    if cells(text) <= width:
        return text
    kept, used = [], 0
    for c in text:
        used += cells(c)
        if used > width - 1:
            break
        kept.append(c)
    return "".join(kept) + "…"


def pad(text: str, width: int, align: str = "left") -> str:
    """At least `width` cells, filled with spaces."""
    fill = " " * max(width - cells(text), 0)
    return fill + text if align == "right" else text + fill
