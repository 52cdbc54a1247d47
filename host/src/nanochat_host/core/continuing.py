"""Go on with a run from its newest checkpoint, as it was when it ended.

nanochat reads neither its options nor what was changed while it ran back from a checkpoint. So the
new run is given the old one's options, and the values patched live are sent to it again before its
first step.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from nanochat_host.checkout.model import Checkout, Stage
from nanochat_host.core import options as opts
from nanochat_host.core.naming import TAG
from nanochat_host.core.prepare import Prepared
from nanochat_host.core.run_entry import Run
from nanochat_host.core.wire import RunStep, StartRun
from nanochat_host.errors import RefusedError, UsageError

RESUME_OPTIONS = ("resume_from_step", "resume_from")
CLOCK_SLACK_S = 5.0


class Story(NamedTuple):
    """What a run did that matters when it is gone on with. saves: fields of its `checkpoint`
    events, with `step`, oldest first. applied: ids of commands that were carried out."""

    saves: list[dict[str, Any]]
    applied: set[str]


def read_story(events: Path) -> Story:
    """From the run's events.jsonl: the memory of the telemetry is shorter than a long run. Blocks.
    What cannot be read tells nothing."""
    story = Story([], set())
    try:
        with events.open("rb") as lines:
            for line in lines:
                if b'"checkpoint"' in line or b'"applied"' in line:
                    _take(story, line)
    except OSError:
        pass
    return story


def _take(story: Story, line: bytes) -> None:
    try:
        event = msgspec.json.decode(line, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError):
        return  # a torn line
    if event.get("kind") == "checkpoint" and event.get("ok"):
        story.saves.append(event)
    elif event.get("what") == "applied":
        story.applied.add(str(event.get("id")))


class Continued(NamedTuple):
    """wish: what to start. folder, step: the checkpoint. resent: patches to send again. dropped:
    why others are not, one line each."""

    wish: StartRun
    folder: str
    step: int
    resent: list[dict[str, Any]]
    dropped: list[str]


def go_on(wish: StartRun, earlier: Run, found: Checkout) -> Continued:
    """wish: its own options win over the earlier run's. Blocks. Raises RefusedError or
    UsageError."""
    if not earlier.ended:
        raise RefusedError(f"{earlier.id} is {earlier.state}", "stop it first, or let it end")
    if earlier.record.adopted_log or earlier.step is None:
        raise RefusedError(f"{earlier.id} was started without nanochat-cli", "start it by stage")
    at = earlier.step
    stage = _stage(wish, at, found, earlier.record.commit)
    option = next((n for n in RESUME_OPTIONS if n in {o.name for o in stage.options}), None)
    if option is None:
        raise RefusedError(
            f"{stage.name} of `{earlier.record.checkout}` cannot go on from a checkpoint",
            "it has no option to resume; start it anew with `run start`",
        )
    given = opts.normalise(wish.options)
    story = read_story(earlier.paths.events_jsonl)
    folder, step = _newest(story.saves, earlier, given.get(option))
    before = {
        piece.option.name: piece.value
        for piece in opts.read_argv(stage.options, at.argv)
        if piece.option
    }
    options = {option: step, TAG: Path(folder).name} | before | given
    if TAG not in {o.name for o in stage.options}:
        del options[TAG]
    options[option] = given.get(option, step)
    resent, dropped = _patches(_applied(earlier, story), stage, _anew(given, earlier))
    name = earlier.record.name if earlier.record.name != earlier.record.target else ""
    again = msgspec.structs.replace(
        wish,
        checkout=earlier.record.checkout,
        target=stage.name,
        options=options,
        nproc=wish.nproc or at.nproc,
        name=wish.name or name,
        gpus=wish.gpus or earlier.record.env.get("CUDA_VISIBLE_DEVICES", ""),
        cost_per_hour=wish.cost_per_hour or earlier.record.cost_per_hour,
    )
    return Continued(again, folder, step, resent, dropped)


def look_back(
    wish: StartRun, prepared: Prepared, stage: Stage | None, runs: Iterable[Run]
) -> Continued | None:
    """The same for a run that resumes from a checkpoint by its options: which run saved that, and
    what was patched there. runs: newest first. None if it resumes nothing, or from a checkpoint
    none of these runs saved. Blocks."""
    config = prepared.record.config
    step = next((config[name] for name in RESUME_OPTIONS if name in config), None)
    if stage is None or not isinstance(step, int) or step < 0:
        return None
    tag = str(config.get(TAG) or f"d{config.get('depth')}")
    files = list(Path(prepared.record.base_dir).glob(f"*_checkpoints/{tag}/model_{step:06d}.pt"))
    for run in runs:
        if not _wrote_meanwhile(run, prepared.record.base_dir, files):
            continue
        story = read_story(run.paths.events_jsonl)
        for save in story.saves:
            folder = str(save.get("dir"))
            if save.get("step") == step and Path(folder).name == tag:
                anew = _anew(opts.normalise(wish.options), run)
                resent, dropped = _patches(_applied(run, story), stage, anew)
                again = msgspec.structs.replace(wish, continues=run.id)
                return Continued(again, folder, step, resent, dropped)
    return None


def _wrote_meanwhile(run: Run, base_dir: str, files: Sequence[Path]) -> bool:
    """Whether one of the files was written while the run ran: its events need no look otherwise."""
    if run.record.base_dir != base_dir or not run.status.started_at:
        return False
    until = (run.status.ended_at or float("inf")) + CLOCK_SLACK_S
    since = run.status.started_at - CLOCK_SLACK_S
    return any(since <= file.stat().st_mtime <= until for file in files if file.exists())


def _anew(given: dict[str, Any], earlier: Run) -> set[str]:
    """Options that are given another value than the earlier run began with: a form that is filled
    from a checkpoint gives them all."""
    began = earlier.record.config
    return {name for name, value in given.items() if str(value) != str(began.get(name))}


def _applied(run: Run, story: Story) -> list[dict[str, Any]]:
    return [c for c in run.control.commands() if str(c.get("id")) in story.applied]


def record_it(prepared: Prepared, before: Continued) -> Prepared:
    """The same run, saying what it goes on with."""
    record = prepared.record
    record.continues = before.wish.continues
    record.parent_checkpoint = f"{before.folder}/model_{before.step:06d}.pt"
    record.resent = before.resent
    notes = [f"goes on with {record.continues} from step {before.step}"]
    if before.resent:
        notes[0] += f"; sent again: {in_words(before.resent)}"
    return prepared._replace(notes=(*notes, *before.dropped))


def in_words(resent: Sequence[dict[str, Any]]) -> str:
    """For people: `eval_every=50, lr x0.5`."""
    return ", ".join(
        f"lr x{patch['value']:g}" if patch["cmd"] == "lr" else f"{patch['name']}={patch['value']}"
        for patch in resent
    )


def _stage(wish: StartRun, at: RunStep, found: Checkout, commit: str) -> Stage:
    stage = next((s for s in found.stages if s.module == at.module), None)
    if stage is None or stage.error:
        why = f"cannot be read: {stage.error}" if stage else "is not there any more"
        began = f", or check out {commit[:12]}, which the run began with" if commit else ""
        raise RefusedError(f"{at.module} of the checkout {why}", f"repair it{began}")
    if wish.target not in ("", stage.name, stage.module):
        raise UsageError(
            f"that run was at {stage.name}, not at {wish.target}", f"leave `{wish.target}` out"
        )
    return stage


def _newest(saves: Sequence[dict[str, Any]], earlier: Run, wanted: Any) -> tuple[str, int]:
    """Folder and step of the newest checkpoint that is still there, or of the one wanted."""
    for save in reversed(saves):
        folder, step = save.get("dir"), save.get("step")
        if not isinstance(folder, str) or not isinstance(step, int):
            continue
        if not Path(folder).is_absolute():
            folder = str(Path(earlier.record.checkout_path) / folder)
        if wanted is not None and str(step) != str(wanted):
            continue
        if (Path(folder) / f"model_{step:06d}.pt").is_file():
            return folder, step
    which = f"of step {wanted}" if wanted is not None else "that is still there"
    raise RefusedError(
        f"{earlier.id} saved no checkpoint {which}", "start it anew with `run start`"
    )


def _patches(
    patches: Sequence[dict[str, Any]], stage: Stage, given: set[str]
) -> tuple[list[dict[str, Any]], list[str]]:
    """The last applied value of each name; those given anew, or fixed now, are left out."""
    last: dict[str, dict[str, Any]] = {}
    for patch in patches:
        if patch.get("cmd") in ("set", "lr"):
            key = str(patch.get("name") or patch["cmd"])
            last.pop(key, None)
            last[key] = {k: patch[k] for k in ("cmd", "name", "value") if k in patch}
    resent, dropped = [], []
    for name, patch in last.items():
        if name in given:
            dropped.append(f"{name}={patch['value']} is not sent again: it was given anew")
        elif patch["cmd"] == "set" and stage.live and name not in stage.live:
            dropped.append(
                f"{name}={patch['value']} is not sent again: {stage.name} now reads it once, "
                "at its start"
            )
        else:
            resent.append(patch)
    return resent, dropped
