"""Several runs side by side on the command line, with a real core and real logs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest
from cli_rig import Page, Said

LOGS = Path(__file__).parents[1] / "data" / "logs"


@pytest.fixture(scope="module")
def cli(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Said]:
    cli = Said(tmp_path_factory.mktemp("compare"))
    for name in ("base_train_d2", "base_train_d2_resume40", "chat_sft_d2"):
        cli("run", "adopt", str(LOGS / f"{name}.log"), "--name", name)
    yield cli
    cli.close()


def test_last_and_best_of_each_run(cli: Said) -> None:
    said = cli.json("run", "compare", "base_train_d2", "base_train_d2_resume40")
    assert said["metric"] == "train/loss" and said["lower"] is True
    first, second = said["runs"]
    values = [float(v) for v in re.findall(r"loss: ([\d.]+) ", _log("base_train_d2"))]
    assert first["points"] == len(values) and first["last"] == [59.0, values[-1]]
    assert first["best"] == [float(values.index(min(values))), min(values)]
    assert [x for x, _ in first["curve"]] == [float(step) for step in range(60)]
    assert second["curve"][0][0] == 40.0, "a resumed run begins where it was resumed"


def test_axes_are_derived_from_what_a_run_recorded(cli: Said) -> None:
    log = _log("base_train_d2")
    tokens = int(re.findall(r"Total batch size ([\d,]+)", log)[0].replace(",", ""))
    flops = float(re.findall(r"FLOPs per token: (\S+)", log)[0])
    words = ("run", "compare", "base_train_d2", "chat_sft_d2", "--metric", "train/loss", "--x")
    by_tokens, by_flops = cli.json(*words, "tokens"), cli.json(*words, "flops")
    assert by_tokens["runs"][0]["last"][0] == 59 * tokens
    assert by_flops["runs"][0]["last"][0] == pytest.approx(59 * tokens * flops)
    untold = by_flops["runs"][1]
    assert untold["curve"] == [] and "FLOPs a token" in untold["note"], "chat_sft prints none"


def test_a_metric_that_not_all_have_and_one_that_none_has(cli: Said) -> None:
    said = cli("run", "compare", "base_train_d2", "chat_sft_d2", "--metric", "chatcore_metric")
    assert "does not record chatcore_metric" in said and "0.0333" in said
    refused = cli("run", "compare", "base_train_d2", "--metric", "loss", code=2)
    assert "none of these runs records `loss`" in refused and "train/loss" in refused
    assert "there is no run" in cli("run", "compare", "nobody", code=2)


def test_curves_as_a_picture(cli: Said) -> None:
    cli("run", "compare", "base_train_d2", "base_train_d2_resume40", "--svg", "curves.svg")
    root = ElementTree.parse(cli.folder / "curves.svg").getroot()
    svg = "{http://www.w3.org/2000/svg}"
    assert len(root.findall(f".//{svg}polyline")) == 2
    words = [element.text or "" for element in root.iter(f"{svg}text")]
    assert "base_train_d2_resume40" in words and any("best" in word for word in words)
    assert "No such file" in cli(
        "run", "compare", "base_train_d2", "--svg", "no/such/folder.svg", code=2
    )


def test_a_report_of_several_runs(cli: Said) -> None:
    words = ("run", "export", "base_train_d2", "chat_sft_d2", "--report", "both", "--x", "tokens")
    markdown, html = (Path(file).read_text() for file in cli.json(*words)["files"])
    page = Page()
    page.feed(html)
    assert not page.open and "script" not in page.tags and page.tags.count("svg") >= 3
    assert html.count("<polyline") >= 6, "both runs in a chart"
    assert "by tokens" in markdown and "| train/loss | 5.2929" in markdown
    assert "does not record chatcore" in markdown
    assert "of one run" in cli("run", "export", "base_train_d2", "chat_sft_d2", code=2)


def _log(name: str) -> str:
    return (LOGS / f"{name}.log").read_text()
