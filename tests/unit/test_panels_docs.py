"""docs/panels.md says something about every hook, capability, action, payload, panel and option,
and its example runs."""

from __future__ import annotations

import inspect
import re
import sys
from pathlib import Path
from typing import get_args

import nanochat_sdk
import pytest
from nanochat_sdk import Capability, Data, FormSubmitted, Needs, Panel, bars, downsample, testing
from nanochat_sdk import format as fmt
from nanochat_sdk.capabilities import ACTIONS, Permission, sentence
from nanochat_sdk.manifest import OptionSpec
from nanochat_sdk.payload import Payload
from nanochat_sdk.protocol import View
from panel_cases import ROOT, manifest

DOC = (ROOT / "docs/panels.md").read_text()


def named(word: str) -> bool:
    """Whether the page has `word` in code style, alone or with arguments."""
    return re.search(rf"`{re.escape(word)}[`(=]", DOC) is not None


def public_functions(module: object) -> list[str]:
    found = inspect.getmembers(module, inspect.isfunction)
    return [n for n, f in found if not n.startswith("_") and f.__module__ == module.__name__]  # type: ignore[attr-defined]


def test_every_hook_of_a_panel_has_a_line() -> None:
    hooks = {name for name in {**vars(Panel), **vars(Panel())} if not name.startswith("_")}
    assert hooks == {
        "keys", "options", "view", "status", "needs", "update", "on_input", "render", "request",
        "ask",
    }  # fmt: skip
    lines = [line for line in DOC.splitlines() if line.startswith("| `")]
    for hook in hooks:
        assert any(re.match(rf"\| `{hook}[`(]", line) for line in lines), hook


@pytest.mark.parametrize("capability", Capability)
def test_each_capability_has_its_sentence(capability: Capability) -> None:
    assert f"| `{capability}` | {capability.sentence} |" in DOC


def test_permissions_with_an_argument_have_their_sentences() -> None:
    for permission in (Permission("net", "HOST:PORT"), Permission("files:read", "/PATH")):
        assert f"| `{permission}` | {sentence(permission)} |" in DOC


SNIPPETS = re.findall(r"```py\n(.*?)```", DOC, re.S)


@pytest.mark.parametrize("snippet", SNIPPETS)
def test_each_short_example_runs(snippet: str) -> None:
    names = dict(vars(nanochat_sdk))
    if snippet.startswith("class"):
        exec(snippet, names)
        name = re.findall(r"class (\w+)", snippet)[0]
        panel = names[name]()
        panel.on_input(FormSubmitted(form="form", values={"why": "so"}))
        panel.update(Data())
        assert panel._asks
    else:
        testing.check(eval(snippet, names))


def test_each_payload_has_a_short_example() -> None:
    for payload in get_args(Payload):
        assert any(snippet.startswith(f"{payload.__name__}(") for snippet in SNIPPETS), payload


@pytest.mark.parametrize("word", [*Capability, *ACTIONS])
def test_capabilities_and_actions_are_named(word: str) -> None:
    assert named(word)


def test_payloads_needs_views_and_option_fields_are_named() -> None:
    for payload in get_args(Payload):
        assert re.search(rf"^\| `{payload.__name__}` \|", DOC, re.M), payload
    for field in (*Needs.__struct_fields__, *View.__struct_fields__, *OptionSpec.__struct_fields__):
        assert named(field), field
    for field in set(Data.__struct_fields__) - {"now", "denied"}:
        assert re.search(rf"`{field}[`\[]", DOC), field


def test_every_public_helper_is_named() -> None:
    for module in (fmt, downsample, bars):
        for name in public_functions(module):
            assert named(name) or f"fmt.{name}" in DOC, name
    for name in set(testing.__all__) - {"EPOCH", "FUZZ_SIZES", "PanelFault", "check", "to_text"}:
        assert name in DOC, name


@pytest.mark.parametrize("panel", manifest().panels, ids=lambda panel: panel.id)
def test_every_built_in_panel_lists_its_options(panel: object) -> None:
    row = next(line for line in DOC.splitlines() if line.startswith(f"| `{panel.id}` |"))  # type: ignore[attr-defined]
    listed = re.findall(r"`(\w+)`", row.split("|")[3])
    assert listed == list(panel.options)  # type: ignore[attr-defined]


def test_the_example_runs_as_printed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (toml,) = re.findall(r"```toml\n(.*?)```", DOC, re.S)
    blocks = re.findall(r"```python\n(.*?)```", DOC, re.S)
    code = next(block for block in blocks if "class Spread" in block)
    tests = next(block for block in blocks if "PanelDriver.from_pack" in block)
    assert len(code.strip().splitlines()) <= 23
    (tmp_path / "pack.toml").write_text(toml)
    (tmp_path / "spread_panel.py").write_text(code)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "spread_panel", raising=False)
    found: dict[str, object] = {}
    exec(tests, found)
    ran = [name for name in found if name.startswith("test_")]
    for name in ran:
        found[name]()  # type: ignore[operator]
    assert len(ran) == 2


def test_the_panel_of_the_readme_works() -> None:
    code = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    space: dict[str, object] = {}
    exec(code[0], space)
    driver = testing.PanelDriver(space["Spread"])  # type: ignore[arg-type]
    assert "no loss yet" in driver.text(40, 3)
    latest = testing.points(train__loss=3.0, train__loss_raw=3.4)
    driver.feed(testing.data(run=testing.run_facts(), latest=latest))
    assert "0.4" in driver.text(40, 3)
