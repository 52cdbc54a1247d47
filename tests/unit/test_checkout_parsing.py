"""Scripts are read in threads of the core."""

from __future__ import annotations

import gc
import sys
import threading
import warnings
from collections.abc import Iterator

import pytest
from nanochat_host.checkout.parsing import parse, parse_expression

SOURCE = "x = [" + ",".join(f"f({i}, a={i})" for i in range(300)) + "]\n"


@pytest.fixture
def switching() -> Iterator[None]:
    """Threads take turns in the middle of a tree: collections run Python, and any line may."""

    def collected(phase: str, info: dict[str, int]) -> None:
        for _ in range(20):
            pass

    thresholds, interval = gc.get_threshold(), sys.getswitchinterval()
    gc.callbacks.append(collected)
    gc.set_threshold(50, 5, 5)
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)
    gc.set_threshold(*thresholds)
    gc.callbacks.remove(collected)


def test_threads_parse_at_once(switching: None) -> None:
    failed: list[BaseException] = []

    def read() -> None:
        try:
            for _ in range(25):
                parse(SOURCE)
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed


def test_an_odd_escape_warns_nobody() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert parse(b"pattern = '\\d'\n").body


def test_an_expression_is_its_tree() -> None:
    assert type(parse_expression("1 + 2")).__name__ == "BinOp"
    with pytest.raises(SyntaxError):
        parse_expression("x = 1")
