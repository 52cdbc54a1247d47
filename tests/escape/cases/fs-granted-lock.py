"""Take locks on a file that was granted for reading: its writer would wait for them."""

import fcntl
import os


def attempt(ctx):
    fd = os.open(f"{ctx['shared']}/file.txt", os.O_RDONLY)
    for name, lock in (
        ("flock", lambda: fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)),
        ("record lock", lambda: fcntl.lockf(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)),
    ):
        try:
            lock()
            return f"ESCAPED: {name}"
        except OSError:
            pass
    return "refused"
