"""nanochat-cli: the entry point. No argument opens the TUI; verbs live in `verbs/`."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from nanochat_host.errors import NanochatCliError, way_out
from nanochat_host.paths import Paths

if TYPE_CHECKING:
    from nanochat_host.core.wire import StartRun

VERBS = (
    *("demo", "doctor", "checkout", "data", "config", "prefab", "checkpoint", "run", "replay"),
    *("alert", "auth", "complete", "chat", "layout", "panel", "pack", "keys", "core"),
    "completion",
)

EPILOG = """examples:
  nanochat-cli                              open the TUI
  nanochat-cli demo                         train the embedded checkout and watch it
  nanochat-cli checkout add ~/nanochat      register your nanochat or fork
  nanochat-cli run start base_train --checkout nanochat --set depth=4
  nanochat-cli run logs last --follow

exit codes: 0 done, 1 failed, 2 bad usage or refused"""


def build_parser(verb_names: Sequence[str] = VERBS) -> argparse.ArgumentParser:
    """The grammar of these verbs, each of which registers its own part."""
    from nanochat_host import __version__
    from nanochat_host.verbs.grammar import VerbParser

    parser = VerbParser(
        prog="nanochat-cli",
        description="Train, watch and steer nanochat models from one terminal.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"nanochat-cli {__version__}")
    parser.add_argument("--layout", default="", help="layout to open: a name or a TOML file")
    parser.add_argument("--run", default="", help="run to show first: id, name or `last`")
    parser.set_defaults(json=False, handler=None)
    verbs = parser.add_subparsers(title="verbs", metavar="VERB")
    for name in verb_names:
        importlib.import_module(f"nanochat_host.verbs.{name}").register(verbs)
    return parser


def _named(words: Sequence[str]) -> Sequence[str]:
    """The verbs a command line names. Importing the others would cost the TUI a tenth of a second
    before its first paint; only help and mistakes need them all."""
    named = [word for word in words if word in VERBS]
    return named if named or words[0].startswith(("--layout", "--run")) else VERBS


def open_tui(
    layout: str = "",
    run: str = "",
    *,
    start: StartRun | None = None,
    attach: bool = False,
    passing: bool = False,
) -> int:
    """Open the TUI. start: a run to begin once the screen is up; attach: rather show a live run of
    the same checkout and target if there is one. passing: `run` ends with it. Returns the exit
    code."""
    # Textual's refresh period is the longest a key waits for its paint while panels stream. It
    # sleeps when nothing changes, so a short one costs nothing at rest. Read at import.
    os.environ.setdefault("TEXTUAL_FPS", "240")
    from nanochat_host.ui.launch import run_ui

    require_terminal()
    return run_ui(
        Paths.from_env(),
        layout=layout or None,
        run=run or None,
        start=start,
        attach=attach,
        passing=passing,
    )


def require_terminal() -> None:
    """Raises UsageError where no TUI can open."""
    streams = {"stdin": sys.stdin, "stdout": sys.stdout, "stderr": sys.stderr}
    elsewhere = [name for name, stream in streams.items() if not (stream and stream.isatty())]
    if elsewhere:
        from nanochat_host.errors import UsageError

        raise UsageError(
            f"the TUI needs a terminal, and {' and '.join(elsewhere)} is not one",
            "try `nanochat-cli demo --headless`, or a verb: `nanochat-cli --help`",
        )


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command line. Returns the exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    wants_json = "--json" in words
    try:
        if not words:  # the common case pays for no argument parsing
            return open_tui()
        args = build_parser(_named(words)).parse_args(words)
        if args.handler is None:
            return open_tui(args.layout, args.run)
        import logging

        logging.getLogger("nanochat_host").addHandler(logging.NullHandler())  # errors are raised
        return int(args.handler(args, Paths.from_env()) or 0)
    except NanochatCliError as error:
        _complain(wants_json, error.code, error.message, error.hint)
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        from nanochat_host.verbs.output import close_quietly

        close_quietly()
        return 0
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        _complain(wants_json, "os_error", f"{where}{error.strerror or error}", way_out(error))
        return 1
    except Exception as error:
        return _crashed(wants_json, error)


def _complain(wants_json: bool, code: str, message: str, hint: str) -> None:
    from nanochat_host.verbs.output import complain

    complain(wants_json, code, message, hint)


def _crashed(wants_json: bool, error: Exception) -> int:
    from nanochat_host.crash import write_crash
    from nanochat_host.logs import setup_logging

    paths = Paths.from_env()
    setup_logging(paths, "cli").error("crash", exc_info=error)
    path = write_crash(paths, "cli", error)
    hint = f"details in {path}; `nanochat-cli doctor --report` packs them up" if path else ""
    _complain(wants_json, "crash", f"internal error: {type(error).__name__}: {error}", hint)
    return 1


if __name__ == "__main__":
    raise SystemExit(main())
