"""Take memory that the limit of data does not count: shared and anonymous."""

import mmap


def attempt(ctx):
    held = [mmap.mmap(-1, 1 << 26) for _ in range(64)]
    for block in held:
        block.write(b"x" * len(block))
    return f"ESCAPED: took {len(held) * 64} MiB"
