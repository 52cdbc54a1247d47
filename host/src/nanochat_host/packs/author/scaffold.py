"""A pack to begin with: one panel that works, its test, its README."""

from __future__ import annotations

import re
from pathlib import Path
from string import Template

import msgspec
from nanochat_sdk.errors import ManifestError
from nanochat_sdk.manifest import RESERVED, Id
from nanochat_sdk.protocol import API

from nanochat_host.errors import RefusedError, UsageError
from nanochat_host.paths import atomic_write

_MANIFEST = Template("""\
# What people see before they grant anything. Reading it runs no code.
id = "$id"
version = "0.1.0"
protocol = $api
title = "$title"
description = "Says in a sentence what the pack is for."

[[panels]]
id = "$id"
entry = "$module:$panel"
title = "$title"
help = "The newest training loss and how it got there."
capabilities = ["metrics:read"]

[panels.options]
metric = { type = "metric", default = "train/loss", help = "Metric that is shown." }
warn = { type = "float", default = 5.0, help = "Values above this are marked." }
""")
_PANEL = Template('''\
"""$title: one metric as a curve, its newest value in the corner."""

from nanochat_sdk import Axis, Chart, Needs, Panel, Plot, Rule, SeriesQuery, notice, unpack
from nanochat_sdk import format as fmt


class $panel(Panel):
    """Options are those of pack.toml: `self.options.metric`, `self.options.warn`."""

    series = None

    def needs(self, size):
        """Ask for what can be drawn: two points for each cell of the width."""
        return Needs(series=(SeriesQuery(self.options.metric, columns=size.width * 2),))

    def update(self, data):
        """New points arrived. True asks for a repaint."""
        self.series = data.series.get(self.options.metric)
        return True

    def render(self, size):
        """Plain data, which the host draws."""
        values = unpack(self.series.mean) if self.series else ()
        if not values:
            return notice(f"no {self.options.metric} yet", "it comes with the first steps")
        newest = values[-1]
        style = "warning" if newest > self.options.warn else "series-1"
        curve = Plot(self.options.metric, self.series.x, self.series.mean, style=style)
        return Chart(
            plots=[curve],
            x=Axis("step", "int"),
            rules=[Rule(self.options.warn, style="warning")],
            caption=[(fmt.fixed(newest), "bold")],
        )
''')
_TEST = Template('''\
"""Run with `pytest`; `nanochat-cli pack test .` draws the panel in its sandbox besides."""

from nanochat_sdk.testing import PanelDriver, data, fuzz_panel, run_facts, series
from $module import $panel

OPTIONS = {"metric": "train/loss", "warn": 5.0}


def test_the_newest_value_is_written():
    panel = PanelDriver.from_pack("pack.toml", "$id")
    panel.feed(data(series("train/loss", [4.0, 3.0, 2.5]), run=run_facts()))
    assert "2.5" in panel.text(60, 12)


def test_without_a_value_it_says_so():
    panel = PanelDriver.from_pack("pack.toml", "$id")
    panel.feed(data(run=run_facts()))
    assert "no train/loss yet" in panel.text(60, 12)


def test_nothing_makes_it_raise():
    assert fuzz_panel($panel, OPTIONS)
''')
_README = Template("""\
# $title

A panel pack for nanochat-cli.

```sh
nanochat-cli pack dev .        # see it beside a recorded run; it is loaded anew at every save
nanochat-cli pack test .       # draw it at several sizes, feed it what nobody should
nanochat-cli pack install .    # asks for your consent, then it is in the gallery
```
""")


def new_pack(folder: Path, pack_id: str) -> list[Path]:
    """Write a pack into `folder`, which is made; returns its files. Raises UsageError for an id no
    pack may have, RefusedError if a file is in the way, OSError."""
    _check_id(pack_id)
    words = re.split("[_-]", pack_id)
    names = {
        "id": pack_id,
        "api": API,
        "title": " ".join(words).capitalize(),
        "module": f"{'_'.join(words)}_panel",
        "panel": "".join(word.capitalize() for word in words),
    }
    files = {
        folder / "pack.toml": _MANIFEST,
        folder / f"{names['module']}.py": _PANEL,
        folder / f"test_{'_'.join(words)}.py": _TEST,
        folder / "README.md": _README,
    }
    for path in files:
        if path.exists():
            raise RefusedError(f"{path} exists", "choose another folder or name")
    folder.mkdir(parents=True, exist_ok=True)
    for path, template in files.items():
        atomic_write(path, template.substitute(names))
    return list(files)


def _check_id(pack_id: str) -> None:
    try:
        msgspec.convert(pack_id, Id)
        if pack_id in RESERVED:
            raise ManifestError(f"`{pack_id}` is reserved")
    except (msgspec.ValidationError, ManifestError):
        raise UsageError(
            f"`{pack_id}` cannot be the id of a pack",
            "lower-case letters and digits, joined by - or _, at most 40; for example loss-spread",
        ) from None
