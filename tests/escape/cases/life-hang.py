"""Never answer."""

import time


def attempt(ctx):
    time.sleep(10**6)
