"""What the UI remembers between two starts: convenience only, never the truth about a run."""

from __future__ import annotations

import logging
from pathlib import Path

import msgspec

from nanochat_host.paths import Paths, atomic_write

logger = logging.getLogger(__name__)


class Session(msgspec.Struct):
    """Contents of `$NANOCHAT_CLI_HOME/ui/state.json`.

    run: id of the run last shown. layout: name or path. mode: the screen last shown. tabs: layout
    name to the id of its tab last shown. zoomed: id of the panel that filled the screen, or "".
    """

    theme: str = ""
    run: str = ""
    layout: str = ""
    mode: str = ""
    tabs: dict[str, str] = {}
    zoomed: str = ""


def session_file(paths: Paths) -> Path:
    """Where the session is kept."""
    return paths.ui_state / "state.json"


def load_session(paths: Paths) -> Session:
    """The session of the last start; a fresh one if there is none or it cannot be read."""
    try:
        return msgspec.json.decode(session_file(paths).read_bytes(), type=Session)
    except FileNotFoundError:
        return Session()
    except (OSError, msgspec.DecodeError) as error:
        logger.warning("the remembered screens are not used: %s", error)
        return Session()


def save_session(paths: Paths, session: Session) -> None:
    """Write the session; a disk that refuses costs a log line, nothing more."""
    try:
        paths.ui_state.mkdir(parents=True, exist_ok=True)
        atomic_write(session_file(paths), msgspec.json.encode(session))
    except OSError as error:
        logger.warning("the screens are not remembered: %s", error)
