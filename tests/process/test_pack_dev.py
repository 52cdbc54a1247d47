"""`pack dev` in a real terminal: a save is on the screen at once, an error with its traceback."""

from __future__ import annotations

from pathlib import Path

from cli_rig import Cli
from nanochat_host.packs.author.scaffold import new_pack
from nanochat_host.paths import atomic_write
from tui_rig import ended, tui_rig

CODE = "loss_spread_panel.py"


def test_saves_errors_and_new_panels_are_shown_while_a_replay_runs(tmp_path: Path) -> None:
    pack = tmp_path / "pack"
    new_pack(pack, "loss-spread")
    code, manifest = pack / CODE, pack / "pack.toml"
    with tui_rig(tmp_path / "home") as rig:
        terminal = rig.open("pack", "dev", str(pack), "--speed", "0")
        terminal.wait_for(r"Loss spread[\s\S]*\d\.\d\d")
        text = code.read_text()
        atomic_write(code, text.replace("fmt.fixed(newest)", "f'newest is {newest:.1f}'"))
        terminal.wait_for(r"newest is \d\.\d")
        atomic_write(code, text.replace("newest = values[-1]", "newest = values[-1] / nothing"))
        terminal.wait_for(rf"{CODE}[\s\S]*line \d+, in render[\s\S]*name .nothing. is not defined")
        atomic_write(code, text)
        terminal.wait_for(r"Loss spread[\s\S]*train/loss|Loss spread[\s\S]*\d\.\d\d")
        atomic_write(manifest, manifest.read_text() + "\nbroken =")
        terminal.wait_for(r"pack\.toml")
        terminal.press("q")
        assert ended(terminal) == 0
        assert rig.client.runs() == [], "the replay was for looking at only"


def test_its_words(tmp_path: Path) -> None:
    with tui_rig(tmp_path / "home") as rig:
        cli = Cli(rig.paths)
        folder = tmp_path / "spread"
        assert len(cli.json("pack", "new", "spread", "--folder", str(folder))["files"]) == 4
        (report,) = cli.json("pack", "test", str(folder))
        assert report["wrong"] == [] and len(report["written"]) == 3
        told = cli.json("pack", "dev", str(folder), "--speed", "0")
        assert told["panels"] == ["spread:spread"]
        assert Path(told["layout"]).is_file()
        assert "cannot be the id" in cli("pack", "new", "Bad Id", code=2).err
        assert "holds no pack" in cli("pack", "test", str(tmp_path / "home"), code=2).err
