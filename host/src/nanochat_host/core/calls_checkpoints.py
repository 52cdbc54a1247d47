"""The requests about checkpoints, for `ask` of either client."""

from __future__ import annotations

from urllib.parse import urlencode

from nanochat_host.core import wire_checkpoints as wire
from nanochat_host.core.calls import Call

PROBE_S = 180.0
"""Importing torch on a busy machine takes its time."""
RESHARD_S = 2000.0


def checkpoints(checkout: str) -> Call[wire.CheckpointList]:
    path = f"/v1/checkpoints?{urlencode({'checkout': checkout})}"
    return Call("GET", path, wire.CheckpointList)


def checkpoint(checkout: str, word: str) -> Call[wire.CheckpointDetail]:
    path = f"/v1/checkpoints/one?{urlencode({'checkout': checkout, 'checkpoint': word})}"
    return Call("GET", path, wire.CheckpointDetail)


def report_card(checkout: str) -> Call[wire.ReportCard]:
    path = f"/v1/checkpoints/report?{urlencode({'checkout': checkout})}"
    return Call("GET", path, wire.ReportCard)


def check_checkpoint(body: wire.CheckWish) -> Call[wire.CheckReport]:
    return Call("POST", "/v1/checkpoints/check", wire.CheckReport, body, answer_s=PROBE_S)


def delete_checkpoints(body: wire.DeleteWish) -> Call[wire.DeletePlan]:
    return Call("POST", "/v1/checkpoints/delete", wire.DeletePlan, body)


def reshard_checkpoint(body: wire.ReshardWish) -> Call[wire.ReshardDone]:
    return Call("POST", "/v1/checkpoints/reshard", wire.ReshardDone, body, answer_s=RESHARD_S)


def checkpoint_form(body: wire.FormWish) -> Call[wire.FormFill]:
    return Call("POST", "/v1/checkpoints/form", wire.FormFill, body)
