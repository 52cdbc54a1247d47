"""Run a program from anonymous memory."""

import os


def attempt(ctx):
    try:
        fd = os.memfd_create("x", 0)
        os.write(fd, f"#!/bin/sh\necho x > {ctx['marker']}\n".encode())
        os.execve(fd, ["x"], {})
    except OSError as error:
        return f"blocked: errno {error.errno}"
