"""One base for every error a person sees: what happened, where, and what to do next."""

from __future__ import annotations

import errno
from pathlib import Path

from nanochat_host.paths import Paths

FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
SHUT = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})


class NanochatCliError(Exception):
    """message: one line that says what and where. hint: what to do. exit_code: 1 failed, 2 bad
    usage or refused. code: stable word for `--json` and the HTTP API."""

    code = "failed"
    exit_code = 1
    status = 500

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}. {self.hint}" if self.hint else self.message


class UsageError(NanochatCliError):
    """The request itself is wrong; nothing was done."""

    code, exit_code, status = "usage", 2, 422


class RefusedError(NanochatCliError):
    """The request is understood and will not be carried out in this state."""

    code, exit_code, status = "refused", 2, 409


class NotFoundError(NanochatCliError):
    """No such run, checkout, layout or panel."""

    code, exit_code, status = "not_found", 2, 404


class ConfigFileError(UsageError):
    """A file a person wrote is wrong. Says file, line, key and the nearest valid key."""

    code = "bad_file"

    def __init__(self, file: str, message: str, *, line: int = 0, key: str = "", near: str = ""):
        where = f"{file}:{line}" if line else file
        key_part = f" `{key}`" if key else ""
        super().__init__(f"{where}:{key_part} {message}", f"did you mean `{near}`?" if near else "")
        self.file, self.line, self.key, self.near = file, line, key, near


class CannotWriteError(NanochatCliError):
    """Something of ours could not be written, made or deleted: `doing` says which."""

    code = "cannot_write"

    def __init__(self, path: Path | str, error: OSError, doing: str = "write") -> None:
        hint = way_out(error, path) or ("make it writable" if error.errno in SHUT else "")
        super().__init__(f"cannot {doing} {path}: {error.strerror or error}", hint)


def way_out(error: OSError, path: Path | str = "") -> str:
    """What to do about a file that cannot be written, "" if that is not plain from the error: what
    lies elsewhere than in our home may only have been read. path: where, if the error names none.
    """
    if error.errno in FULL:
        return "free some space, then try again"
    place = Path(str(error.filename or path))
    if error.errno in SHUT and Paths.from_env().home in (place, *place.parents):
        return "make the folder writable, or set NANOCHAT_CLI_HOME to a folder of yours"
    return ""


class CoreUnavailableError(NanochatCliError):
    """The core did not answer or could not be started."""

    code, status = "core_unavailable", 503
