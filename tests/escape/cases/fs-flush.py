"""Flush the disk again and again through a file that may only be read."""

import os


def attempt(ctx):
    fd = os.open(__file__, os.O_RDONLY)
    try:
        os.fsync(fd)
        return "ESCAPED: flushed a disk"
    except OSError:
        return "refused"
