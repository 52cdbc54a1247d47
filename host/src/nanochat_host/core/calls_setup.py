"""The requests about getting a checkout ready, for `ask` of either client."""

from __future__ import annotations

from urllib.parse import quote

from nanochat_host.core import wire_setup as setup
from nanochat_host.core.calls import Call
from nanochat_host.core.wire import RunStep, RunSummary

PROBE_ANSWER_S = 180.0
"""An interpreter that imports torch for the first time may take minutes."""


def _checkout(name: str, rest: str) -> str:
    return f"/v1/checkouts/{quote(name, safe='')}/{rest}"


def status(name: str, *, wait: bool = False) -> Call[setup.SetupStatus]:
    path = _checkout(name, "setup?wait=true" if wait else "setup")
    return Call("GET", path, setup.SetupStatus, answer_s=PROBE_ANSWER_S)


def data(name: str) -> Call[setup.DataStatus]:
    return Call("GET", _checkout(name, "data"), setup.DataStatus)


def env(name: str, *, anew: bool = False) -> Call[setup.EnvInfo]:
    path = _checkout(name, "env?anew=true" if anew else "env")
    return Call("GET", path, setup.EnvInfo, answer_s=PROBE_ANSWER_S)


def use_env(name: str, python: str) -> Call[setup.EnvInfo]:
    body = setup.UseEnv(python)
    return Call("POST", _checkout(name, "env"), setup.EnvInfo, body, answer_s=PROBE_ANSWER_S)


def plan_env(name: str, wish: setup.MakeEnv) -> Call[list[RunStep]]:
    path = _checkout(name, "env/plan")
    return Call("POST", path, list[RunStep], wish, answer_s=PROBE_ANSWER_S)


def make_env(name: str, wish: setup.MakeEnv) -> Call[RunSummary]:
    path = _checkout(name, "env/make")
    return Call("POST", path, RunSummary, wish, answer_s=PROBE_ANSWER_S)
