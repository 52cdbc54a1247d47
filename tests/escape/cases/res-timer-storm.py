"""Ignore and block every signal there is, then spin under a timer of a thousand a second."""

import contextlib
import signal


def attempt(ctx):
    for number in range(1, 65):
        with contextlib.suppress(OSError, ValueError):
            signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))
    signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
    while True:
        pass
