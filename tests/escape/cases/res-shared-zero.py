"""Take memory by reading a shared mapping of /dev/zero: no limit of data counts it, nor a look at
private pages."""

import mmap
import os


def attempt(ctx):
    size = 400 << 20
    fd = os.open("/dev/zero", os.O_RDONLY)
    held = mmap.mmap(fd, size, flags=mmap.MAP_SHARED, prot=mmap.PROT_READ)
    for at in range(0, size, mmap.PAGESIZE):
        held[at]
    return "ESCAPED: 400 MiB of shared memory"
