"""Runs a script as `python -m` would, with its loop instrumented and its libraries patched."""

from __future__ import annotations

import ast
import importlib.machinery
import importlib.util
import os
import sys
import traceback
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, ModuleType, TracebackType
from typing import Any

from . import libs
from .control import ControlFile, answered_until
from .events import EventWriter
from .hooks import Hooks
from .imports import AfterImport
from .library import LibraryLoops
from .package import package_name
from .ranks import Ranks
from .signals import ignore_hangup
from .splice import HOOK
from .ticker import Ticker
from .transform import Report, instrument

PREFIX = "NANOCHAT_CLI_"
MAX_TRACEBACK = 4000


@dataclass(frozen=True)
class Settings:
    """From the environment. events, control: paths, "" for none."""

    events: str
    control: str
    compile_models: bool
    gloo: bool
    rank: int
    world: int

    @classmethod
    def take(cls) -> Settings:
        """Ours are removed: what the trainer starts is not ours to hook."""
        return cls(
            events=os.environ.pop(PREFIX + "EVENTS", ""),
            control=os.environ.pop(PREFIX + "CONTROL", ""),
            compile_models=os.environ.pop(PREFIX + "COMPILE", "1") != "0",
            gloo=os.environ.pop(PREFIX + "GLOO", "0") == "1",
            rank=int(os.environ.get("RANK", "0")),
            world=int(os.environ.get("WORLD_SIZE", "1")),
        )


def main(argv: list[str]) -> None:
    """argv: module, then the script's own arguments. Ends as the script ends."""
    if not argv:
        sys.exit("usage: runner.py MODULE [ARGUMENT ...]")
    module, arguments = argv[0], argv[1:]
    if arguments[:1] == ["--"]:
        del arguments[0]
    settings = Settings.take()
    ignore_hangup()
    sys.path[0] = str(Path.cwd())
    control = ControlFile(settings.control, answered_until(settings.events))
    events = EventWriter(settings.events if settings.rank == 0 else "")
    events.state(
        "start",
        module=module,
        argv=arguments,
        pid=os.getpid(),
        rank=settings.rank,
        world=settings.world,
    )
    try:
        _run(module, arguments, settings, events, control)
    except Exception as exc:
        _report_error(exc, settings)
        own = _script_part(exc.__traceback__)
        sys.excepthook(type(exc), exc.with_traceback(own), own)
        sys.exit(1)


def _run(
    module: str,
    arguments: list[str],
    settings: Settings,
    events: EventWriter,
    control: ControlFile,
) -> None:
    spec = _find(module)
    code, report = _load(spec)
    hooks = Hooks(events, control, Ranks(settings.rank, settings.world))
    own = hooks.hook_for(report, spec.origin or "")
    library = package_name(Path.cwd())
    after_import = {
        "torch": libs.patch_torch(settings.compile_models, settings.gloo, settings.world),
        "wandb": libs.tee_wandb(hooks.teed),
        f"{library}.common": libs.tee_dummy_wandb(hooks.teed),
        f"{library}.checkpoint_manager": libs.report_checkpoints(events, hooks.forced_save),
    }
    if report.loop is None:
        script = Path(spec.origin or "script")
        loops = LibraryLoops(Path.cwd(), script, hooks.hook_for, hooks.refused)
        sys.meta_path.insert(0, loops)
    sys.meta_path.insert(0, AfterImport(after_import))
    exit_code = 1
    try:
        _execute(spec, code, arguments, own)
        exit_code = 0
    except SystemExit as exc:
        exit_code = exc.code if isinstance(exc.code, int) else int(exc.code is not None)
        raise
    except KeyboardInterrupt:
        exit_code = 130
        raise
    finally:
        ticker = hooks.ticker
        ticker.left()
        events.state(
            "end",
            exit_code=exit_code,
            hook_us_p50=ticker.hook_us_p50(),
            ticks=ticker.ticks,
            control=control.position,
        )


def _find(module: str) -> importlib.machinery.ModuleSpec:
    spec = importlib.util.find_spec(module)
    if spec is not None and spec.submodule_search_locations is not None:
        spec = importlib.util.find_spec(f"{module}.__main__")
    if spec is None or spec.loader is None:
        raise ModuleNotFoundError(f"No module named {module!r} in {Path.cwd()}", name=module)
    return spec


def _load(spec: importlib.machinery.ModuleSpec) -> tuple[CodeType, Report]:
    """The script's code, instrumented where that works."""
    loader: Any = spec.loader
    try:
        tree = ast.parse(loader.get_data(spec.origin), spec.origin or "<script>")
        report = instrument(tree)
        if report.loop is not None:
            return compile(tree, spec.origin or "<script>", "exec", dont_inherit=True), report
    except Exception as exc:
        report = Report(reason=f"could not instrument: {type(exc).__name__}: {exc}")
    return loader.get_code(spec.name), report


def _execute(
    spec: importlib.machinery.ModuleSpec, code: CodeType, arguments: list[str], ticker: Ticker
) -> None:
    """As `__main__`, with everything `python -m` sets, so that pickling and spawned children find
    the script and not us."""
    script = ModuleType("__main__")
    script.__file__ = spec.origin
    script.__loader__ = spec.loader
    script.__package__ = spec.parent
    script.__spec__ = spec
    script.__dict__["__builtins__"] = __builtins__
    script.__dict__["__cached__"] = spec.cached
    script.__dict__[HOOK] = ticker
    sys.modules["__main__"] = script
    sys.argv = [spec.origin or spec.name, *arguments]
    exec(code, script.__dict__)


def _script_part(tb: TracebackType | None) -> TracebackType | None:
    """The traceback from the script's own frame on; None if the script never ran."""
    while tb is not None and HOOK not in tb.tb_frame.f_globals:
        tb = tb.tb_next
    return tb


def _report_error(exc: Exception, settings: Settings) -> None:
    """Of every rank: the one that fails first is rarely rank 0."""
    own = _script_part(exc.__traceback__)
    text = "".join(traceback.format_exception(type(exc), exc, own))
    EventWriter(settings.events).state(
        "error",
        type=type(exc).__name__,
        message=str(exc)[:2000],
        traceback=text[-MAX_TRACEBACK:],
        rank=settings.rank,
    )
