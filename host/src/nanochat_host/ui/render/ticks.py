"""Round ticks and the way numbers are written on axes, in captions and readouts."""

from __future__ import annotations

import math
import time
from functools import lru_cache

NICE = (1.0, 2.0, 2.5, 5.0, 10.0)
NICE_TIME_S = (
    1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400,
)  # fmt: skip


def nice_step(span: float, count: int, unit: str = "") -> float:
    """A round distance that divides `span` into at most `count` parts."""
    raw = span / max(1, count)
    if unit in ("s", "clock") and 1 <= raw <= NICE_TIME_S[-1]:
        return float(next(step for step in NICE_TIME_S if step >= raw))
    if unit == "bytes" and raw >= 1:
        return float(2 ** math.ceil(math.log2(raw)))
    exponent = math.floor(math.log10(raw)) if raw > 0 else 0
    power = 10.0**exponent if exponent > -300 else 1e-300
    step = next((nice * power for nice in NICE if nice * power >= raw * (1 - 1e-9)), 10 * power)
    return max(1.0, math.ceil(step)) if unit == "int" else step


@lru_cache(maxsize=256)
def linear_ticks(lo: float, hi: float, count: int, unit: str = "") -> tuple[float, ...]:
    """Round positions within [lo, hi], at most `count` + 1 of them."""
    span = hi - lo
    if not (span > 0 and math.isfinite(span)):
        return (lo,)
    step = nice_step(span, count, unit)
    first = math.ceil(lo / step - 1e-9)
    last = math.floor(hi / step + 1e-9)
    if last - first > 2 * count + 2 or not math.isfinite(step):
        return (lo,)
    return tuple(min(hi, max(lo, index * step)) for index in range(first, last + 1))


@lru_cache(maxsize=256)
def log_ticks(lo: float, hi: float, count: int) -> tuple[float, ...]:
    """Positions within [lo, hi] (both above zero): powers of ten, or 1-2-5 when there are few."""
    if not 0 < lo < hi:
        return (lo,)
    low, high = math.floor(math.log10(lo)), math.ceil(math.log10(hi))
    for factors in ((1,), (1, 3), (1, 2, 5), (1, 1.5, 2, 3, 4, 5, 6, 7, 8, 9)):
        ticks = [f * 10.0**e for e in range(low, high + 1) if -300 < e < 300 for f in factors]
        inside = [tick for tick in ticks if lo <= tick <= hi]
        if len(inside) >= 2:
            break
    else:
        return linear_ticks(lo, hi, count)
    stride = max(1, math.ceil(len(inside) / max(1, count + 1)))
    return tuple(inside[::stride])


def duration(seconds: float) -> str:
    """3m20s, 2h05m, 4d06h; below ten seconds with decimals."""
    sign = "-" if seconds < 0 else ""
    value = abs(seconds)
    if value < 10:
        return sign + (f"{value:.3g}s" if value >= 1e-3 or value == 0 else f"{value * 1e6:.3g}us")
    whole = round(value)
    if whole < 60:
        return f"{sign}{whole}s"
    if whole < 3600:
        minutes, rest = divmod(whole, 60)
        return f"{sign}{minutes}m{rest:02d}s" if rest else f"{sign}{minutes}m"
    if whole < 86400:
        hours, rest = divmod(whole // 60, 60)
        return f"{sign}{hours}h{rest:02d}m" if rest else f"{sign}{hours}h"
    days, rest = divmod(whole // 3600, 24)
    if days > 9999:
        return f"{sign}{days:.3g}d"
    return f"{sign}{days}d{rest:02d}h" if rest else f"{sign}{days}d"


def _scaled(value: float, base: float, suffixes: str, digits: int) -> str:
    size = abs(value)
    index = 0
    while index < len(suffixes) - 1 and round(size, 3 - min(3, digits)) >= base:
        size /= base
        index += 1
    if size >= 1e6:
        return f"{value:.3g}"
    text = f"{size:.{digits}f}".rstrip("0").rstrip(".") if digits else f"{size:.0f}"
    return ("-" if value < 0 and text != "0" else "") + text + suffixes[index].strip()


def write(value: float, unit: str = "", *, step: float = 0.0) -> str:
    """`value` in `unit` for people. step: distance to the next tick, which sets the decimals."""
    if value != value:
        return "nan"
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    if unit == "percent":
        return f"{_plain(value, step)}%"
    if unit == "s":
        return duration(value)
    if unit == "clock":
        return _clock(value, step)
    if unit == "bytes":
        return _scaled(value, 1024.0, " KMGTPE", 1) + ("B" if abs(value) < 1024 else "")
    if unit == "int" and abs(value) < 10_000:
        return f"{value:.0f}"
    if abs(value) >= 10_000:
        return _scaled(value, 1000.0, " kMBT", 0 if step >= 1e15 else _digits(value, step))
    return _plain(value, step)


def _digits(value: float, step: float) -> int:
    """Decimals after scaling by thousands that keep ticks `step` apart distinct."""
    if not step:
        return 2
    power = 1000.0 ** min(4, int(math.log10(abs(value)) // 3))
    return max(0, min(3, -math.floor(math.log10(step / power) + 1e-9)))


def _plain(value: float, step: float) -> str:
    size = abs(value)
    if size and (size < 1e-4 or size >= 1e6):
        text = f"{value:.2e}".replace("e-0", "e-").replace("e+0", "e").replace("e+", "e")
        mantissa, _, exponent = text.partition("e")
        return f"{mantissa.rstrip('0').rstrip('.')}e{exponent}"
    if not step:
        text = f"{value:.4g}"
        return text if "e" not in text else f"{value:.0f}"
    decimals = max(0, min(6, -math.floor(math.log10(step) + 1e-9)))
    # A step of 2.5 or 0.25 needs one more decimal than its magnitude says.
    if decimals < 6 and abs(round(step, decimals) - step) > step * 1e-6:
        decimals += 1
    text = f"{value:.{decimals}f}"
    return text[1:] if text.startswith("-") and not text.strip("-0.") else text


def _clock(seconds: float, step: float) -> str:
    try:
        local = time.localtime(seconds)
    except (OverflowError, OSError, ValueError):
        return f"{seconds:.3g}"
    return time.strftime("%H:%M:%S" if 0 < step < 60 else "%H:%M", local)


def labelled(ticks: tuple[float, ...], unit: str, *, log: bool = False) -> list[tuple[float, str]]:
    """Ticks with their text, without a text that repeats its neighbour's."""
    step = 0.0 if log or len(ticks) < 2 else abs(ticks[1] - ticks[0])
    out: list[tuple[float, str]] = []
    for tick in ticks:
        text = write(tick, unit, step=step)
        if not out or out[-1][1] != text:
            out.append((tick, text))
    return out
