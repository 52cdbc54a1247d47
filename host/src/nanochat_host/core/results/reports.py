"""nanochat's own report, `<base>/report/*.md`: a section a script, `- name: value` lines."""

from __future__ import annotations

import math
import re
import time
from pathlib import Path

from nanochat_host.core.results.measures import measure_of
from nanochat_host.core.wire_checkpoints import CardEntry

MAX_BYTES = 2**20
STAGES = {
    "base-model-training": "base",
    "base-model-loss": "base",
    "base-model-evaluation": "base",
    "midtraining": "mid",
    "chat-evaluation-mid": "mid",
    "chat-sft": "sft",
    "sft": "sft",
    "chat-evaluation-sft": "sft",
    "chat-rl": "rl",
    "chat-evaluation-rl": "rl",
}
"""Names of sections to the stage whose model they are of. `report.md` repeats them."""
_ITEM = re.compile(r"^- ([^:\n]{1,80}): (.{1,200})$", re.MULTILINE)
_WHEN = re.compile(r"^timestamp: (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)", re.MULTILINE)
_STEP = re.compile(r"\(step (\d+)\)")


def results_in_reports(base_dir: Path) -> list[CardEntry]:
    """Results of every section, oldest first. A file that cannot be read is left out."""
    found: list[CardEntry] = []
    for slug, stage in STAGES.items():
        path = base_dir / "report" / f"{slug}.md"
        try:
            if path.stat().st_size <= MAX_BYTES:
                text = path.read_text("utf-8", "replace")
                found += results_in_section(text, stage, path.name, path.stat().st_mtime)
        except OSError:
            continue
    return sorted(found, key=lambda entry: entry.at)


def results_in_section(text: str, stage: str, where: str, changed_at: float) -> list[CardEntry]:
    """Results of one section. changed_at: of its file, where the section does not say when."""
    items = dict(_ITEM.findall(text))
    tag = items.get("model_tag", "").strip()
    model = items.get("model") or items.get("Model") or ""
    step = _STEP.search(model)
    if tag in ("", "None", "none"):
        depth = items.get("depth", "").strip()
        tag = f"d{depth}" if depth.isdigit() else ""
    values: dict[str, float] = {}
    for name, text_value in items.items():
        measure, value = measure_of(name), _number(text_value)
        # The last validation counts, not the least of all.
        if measure and value is not None and not (measure in values and "inimum" in name):
            values[measure] = value
    when = _WHEN.search(text)
    at = time.mktime(time.strptime(when[1], "%Y-%m-%d %H:%M:%S")) if when else changed_at
    at_step = int(step[1]) if step else -1
    return [
        CardEntry(stage, tag, at_step, measure, value, "report", where, at)
        for measure, value in values.items()
    ]


def _number(text: str) -> float | None:
    text = text.strip().replace(",", "")
    try:
        value = float(text.removesuffix("%"))
    except ValueError:
        return None
    value = value / 100 if text.endswith("%") else value
    return value if math.isfinite(value) else None
