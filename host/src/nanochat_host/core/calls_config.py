"""The requests about configuration, prefabs and plans, for `ask` of either client."""

from __future__ import annotations

from urllib.parse import quote, urlencode

from nanochat_host.core import wire_config as wire
from nanochat_host.core.calls import ANSWER_S, ASKED_S, Call


def config_schema(body: wire.SchemaWish) -> Call[wire.ConfigSchema]:
    return Call("POST", "/v1/config/schema", wire.ConfigSchema, body)


def config_show(body: wire.ConfigWish) -> Call[wire.EffectiveConfig]:
    return Call("POST", "/v1/config/show", wire.EffectiveConfig, body)


def config_diff(body: wire.DiffWish) -> Call[list[wire.DiffRow]]:
    return Call("POST", "/v1/config/diff", list[wire.DiffRow], body)


def config_plan(body: wire.ConfigWish) -> Call[wire.ConfigReport]:
    return Call("POST", "/v1/config/plan", wire.ConfigReport, body)


def config_target(body: wire.TargetWish) -> Call[wire.TargetReport]:
    wait_s = ASKED_S if body.ask else ANSWER_S
    return Call("POST", "/v1/config/target", wire.TargetReport, body, answer_s=wait_s)


def gpus() -> Call[list[wire.GpuKind]]:
    return Call("GET", "/v1/gpus", list[wire.GpuKind])


def prefabs() -> Call[list[wire.PrefabInfo]]:
    return Call("GET", "/v1/prefabs", list[wire.PrefabInfo])


def prefab(name: str, checkout: str) -> Call[wire.PrefabDetail]:
    path = f"/v1/prefabs/{quote(name, safe='')}?{urlencode({'checkout': checkout})}"
    return Call("GET", path, wire.PrefabDetail)


def save_prefab(body: wire.SavePrefab) -> Call[wire.PrefabInfo]:
    return Call("POST", "/v1/prefabs", wire.PrefabInfo, body)


def delete_prefab(name: str) -> Call[wire.PrefabInfo]:
    return Call("DELETE", f"/v1/prefabs/{quote(name, safe='')}", wire.PrefabInfo)
