"""The rows of the option table: options by category, changed ones marked, where each is from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from rich.cells import cell_len

from nanochat_host.core.wire_config import (
    ConfigSchema,
    FieldInfo,
    FieldProblem,
    FieldValue,
    StepReport,
    TargetReport,
)
from nanochat_host.packs.sanitize import clean
from nanochat_host.ui.configure.draft import GPU, NAME, NPROC, PREFAB, Form
from nanochat_host.ui.configure.words import OWN_HINTS, about, source_text, value_text
from nanochat_host.ui.controls.row_list import ListColumn, Row

COLUMNS = (
    ListColumn("", 1, keep=9),
    ListColumn("option", 22, keep=9),
    ListColumn("value", 13, keep=9),
    ListColumn("from", 10, keep=6),
    ListColumn("what it is", keep=5),
)
VALUE_COLUMN = 2
NAME_CELLS = (22, 32)
"""Least and most cells of an option's name."""


def columns_for(rows: Sequence[Row], width: int) -> tuple[ListColumn, ...]:
    """The columns in `width` cells, names as long as they are if no other column goes for it."""
    least, most = NAME_CELLS
    longest = max((cell_len(row.cells[1][0]) for row in rows if len(row.cells) > 2), default=0)
    for count in (5, 4, 3):
        others = sum((c.width or 16) + 2 for i, c in enumerate(COLUMNS[:count]) if i != 1) + 4
        if width - others >= least:
            least = max(least, min(longest, most, width - others))
            break
    return (COLUMNS[0], ListColumn("option", least, keep=9), *COLUMNS[2:])


def option_rows(
    form: Form,
    schemas: Mapping[str, ConfigSchema],
    report: TargetReport | None,
    before: TargetReport | None,
    words: str = "",
    changed_only: bool = False,
) -> list[Row]:
    """All rows. before: the report without what was changed. words: only options that mention all
    of them. changed_only: only what differs from the prefab, or from the defaults."""
    rows: list[Row] = [] if words or changed_only else list(_own(form, report))
    steps = {step.config.stage: step for step in (report.steps if report else ()) if step.config}
    olds = {step.config.stage: step for step in (before.steps if before else ()) if step.config}
    wanted = words.lower().split()
    for stage in form.target.stages if form.target else ():
        schema = schemas.get(stage)
        if schema is None:
            continue
        values = _values(steps.get(stage))
        below = _values(olds.get(stage))
        for category in schema.categories:
            title = f"{stage} · {category.title}" if form.target and form.target.pipeline else ""
            shown = [
                _row(form, stage, field, values.get(field.name), below.get(field.name))
                for field in schema.fields
                if field.category == category.id
                and all(word in _text(field, category.title) for word in wanted)
                and (not changed_only or _differs(values, below, field.name))
            ]
            if shown:
                rows += [Row("", ()), _heading(clean(title or category.title))]
                rows += shown
    return rows[1:] if rows and not rows[0].key and not rows[0].cells else rows


def problems_of(report: TargetReport | None, form: Form) -> dict[str, FieldProblem]:
    """What is wrong, by the key of the option's row."""
    found: dict[str, FieldProblem] = {}
    for step in report.steps if report else ():
        for problem in step.config.problems if step.config else ():
            assert step.config is not None
            found.setdefault(form.key_of(step.config.stage, problem.name), problem)
    return found


def value_of(report: TargetReport | None, form: Form, key: str) -> FieldValue | None:
    """The effective value behind a row."""
    for step in report.steps if report else ():
        for value in step.config.values if step.config else ():
            assert step.config is not None
            if form.key_of(step.config.stage, value.name) == key:
                return value
    return None


def _own(form: Form, report: TargetReport | None) -> Iterator[Row]:
    draft = form.draft
    yield _heading("Run")
    chain = " > ".join(report.chain[1:]) if report else ""
    about = f"extends {clean(chain)}" if chain else OWN_HINTS[PREFAB]
    yield _plain(PREFAB, "prefab", clean(draft.prefab) or "none", bool(draft.prefab), about)
    processes = max((step.nproc for step in report.steps), default=1) if report else 1
    here = draft.nproc if draft.nproc is not None else ("1" if form.gpu else str(processes))
    yield _plain(NPROC, "processes", str(here), draft.nproc is not None, OWN_HINTS[NPROC])
    yield _plain(NAME, "name of the run", clean(draft.name), bool(draft.name), OWN_HINTS[NAME])
    machine = f"{form.gpus} x {form.gpu}" if form.gpu else "this machine"
    yield _plain(GPU, "plan for", machine, bool(form.gpu), OWN_HINTS[GPU])


def _plain(key: str, label: str, value: str, changed: bool, help: str) -> Row:
    return Row(
        key,
        (
            ("●" if changed else "", "accent"),
            (label, "bold" if changed else ""),
            (value, "accent" if changed else "muted"),
            ("edited" if changed else "", "muted"),
            (help, "muted"),
        ),
    )


def _heading(text: str) -> Row:
    return Row("", (("", ""), (text, "title")))


def _row(
    form: Form, stage: str, field: FieldInfo, value: FieldValue | None, below: FieldValue | None
) -> Row:
    key = form.key_of(stage, field.name)
    source = value.source if value else "default"
    shown = value_text(value.value if value else field.default)
    edited = source == "set" or key in form.draft.edits
    mark = "●" if edited else "·" if source != "default" else ""
    style = "accent" if edited else "" if source != "default" else "muted"
    note = about(field)
    if edited and below is not None and value is not None and below.value != value.value:
        note = f"was {value_text(below.value) or 'empty'} · {note}"
    if field.required and not shown:
        shown, style = "needed", "error"
    origin = source_text(source, key in form.draft.filled)
    if key in form.draft.edits and form.draft.edits[key] is None:
        origin = "left out"
    return Row(
        key,
        (
            (mark, "accent"),
            (clean(field.flag or field.name), "bold" if edited else ""),
            (shown, style),
            (origin, "muted"),
            (note, "muted"),
        ),
    )


def _values(step: StepReport | None) -> dict[str, FieldValue]:
    return {value.name: value for value in step.config.values} if step and step.config else {}


def _differs(now: Mapping[str, FieldValue], then: Mapping[str, FieldValue], name: str) -> bool:
    a, b = now.get(name), then.get(name)
    return a is not None and b is not None and a.value != b.value


def _text(field: FieldInfo, category: str) -> str:
    words = (field.name, field.name.replace("_", "-"), field.help, field.unit, category)
    return " ".join(words).lower()
