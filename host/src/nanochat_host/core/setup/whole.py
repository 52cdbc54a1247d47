"""`python -m nanochat_host.core.setup.whole FOLDER COMMAND...`: a new environment, whole or gone.

One that was begun and not finished would be taken for the checkout's own from then on, in the place
of another that works. What was downloaded stays in the cache of pip or uv.
"""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from types import FrameType


def main(argv: list[str]) -> int:
    """argv: the environment's folder, which was not there before, and what to run. Returns the
    command's exit code; when it failed or was stopped, the folder is removed."""
    folder, *command = argv
    try:
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    except OSError as error:
        print(f"error: {command[0]}: {error.strerror}", file=sys.stderr, flush=True)
        return 127

    def hand_on(number: int, _: FrameType | None) -> None:
        child.send_signal(number)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, hand_on)
    code = child.wait()
    if code != 0:
        print(f"removing {folder}: it is not whole", flush=True)
        shutil.rmtree(folder, ignore_errors=True)
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
