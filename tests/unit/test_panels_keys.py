"""What the keys of the built-in panels do."""

from __future__ import annotations

import pytest
from nanochat_sdk.testing import data, event, log_page, run_facts
from panel_cases import NOW, driver, manifest, typical


def test_c_asks_for_a_checkpoint_while_the_run_is_active() -> None:
    panel = driver("checkpoints")
    panel.feed(typical("checkpoints"))
    panel.press("c")
    assert [act.action for act in panel.acts()] == ["save"]
    for state in ("done", "failed", "lost"):
        panel.feed(data(run=run_facts(state=state)))
        panel.press("c")
        assert panel.acts() == []


def test_a_chosen_checkpoint_lists_its_files() -> None:
    panel = driver("checkpoints")
    panel.feed(typical("checkpoints"))
    assert "optim_000020_rank0.pt" not in panel.text(80, 20)
    assert panel.select(1)
    assert "optim_000020_rank0.pt" in panel.text(80, 20)


def test_a_checkpoint_that_failed_says_so() -> None:
    panel = driver("checkpoints")
    failed = event("checkpoint", 40, NOW, dir="/x/d2", files={}, secs=0.1, ok=False)
    panel.feed(data(run=run_facts(), now=NOW, events=[failed]))
    assert "failed" in panel.text(80, 20)
    assert "d2" in panel.text(80, 20)


def test_samples_go_back_stay_there_and_come_round() -> None:
    panel = driver("samples")
    panel.feed(typical("samples"))
    assert "step 30  newest" in panel.text(60, 10)
    assert panel.press("n")
    assert "step 20  1 back of 2" in panel.text(60, 10)
    newer = event("sample", 40, NOW, text="new", prompt="")
    panel.feed(data(run=run_facts(), now=NOW, events=[*typical("samples").events, newer]))
    assert "step 20  2 back of 3" in panel.text(60, 10)
    panel.press("p")
    assert "step 30" in panel.text(60, 10)
    panel.press("p")
    assert "step 40  newest" in panel.text(60, 10)
    panel.press("p")
    assert "step 20  2 back of 3" in panel.text(60, 10)


def test_a_long_sample_scrolls() -> None:
    text = "\n".join(f"line {i}" for i in range(30))
    panel = driver("samples")
    panel.feed(data(run=run_facts(), now=NOW, events=[event("sample", 5, text=text)]))
    assert "line 0" in panel.text(40, 6)
    panel.press("j")
    assert "line 0" not in panel.text(40, 6)
    assert "line 3" in panel.text(40, 6)
    for _ in range(50):
        panel.press("j")
    assert "line 29" in panel.text(40, 6)
    for _ in range(50):
        panel.press("k")
    assert "line 0" in panel.text(40, 6)


def test_the_log_is_searched_filtered_and_cleared() -> None:
    panel = driver("log")
    assert panel.press("/", "Loss")
    panel.press("f")
    panel.press("f")
    query = panel.needs.log
    assert query is not None
    assert (query.search, query.level) == ("Loss", "warning")
    page = log_page(["WARNING: loss is odd", "WARNING: LOSS again"], total=2_000)
    panel.feed(data(run=run_facts(), log=page))
    text = panel.text(60, 10)
    assert "“Loss”, warning and above" in text
    assert "2 of 2,000 lines" in text
    spans = [span for line in panel.render(60, 10).lines for span in line]  # type: ignore[union-attr]
    assert [text for text, style in spans if style == "reverse"] == ["loss", "LOSS"]
    panel.press("0")
    cleared = panel.needs.log
    assert cleared is not None
    assert (cleared.search, cleared.level) == ("", "all")


def test_levels_go_round() -> None:
    panel = driver("log")
    seen = []
    for _ in range(5):
        assert panel.needs.log is not None
        seen.append(panel.needs.log.level)
        panel.press("f")
    assert seen == ["all", "info", "warning", "error", "all"]


def test_a_search_without_a_match_says_how_to_leave_it() -> None:
    panel = driver("log", search="nowhere")
    panel.feed(data(run=run_facts(), log=log_page([], total=500)))
    text = panel.text(60, 10)
    assert "nothing matches “nowhere”" in text
    assert "press 0 to clear" in text


def test_the_log_keeps_the_newest_line_in_sight() -> None:
    panel = driver("log")
    for count in (5, 50, 400):
        panel.feed(data(run=run_facts(), log=log_page(f"line {i}" for i in range(count))))
        assert panel.text(40, 6).splitlines()[-1] == f"line {count - 1}"


@pytest.mark.parametrize("panel", manifest().panels, ids=lambda panel: panel.id)
def test_keys_have_short_helps_and_no_clash(panel: object) -> None:
    keys = driver(panel.id).panel.keys  # type: ignore[attr-defined]
    assert len({key.key for key in keys}) == len(keys)
    assert all(0 < len(key.help.split()) <= 3 for key in keys)
