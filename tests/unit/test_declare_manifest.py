"""What a pack may declare: everything else is refused when it is read, with the reason."""

from __future__ import annotations

from pathlib import Path

import pytest
from nanochat_host.core.telemetry.metrics import ALIASES, SPECS, is_known
from nanochat_sdk.declare_check import CORE_PREFIXES
from nanochat_sdk.errors import ManifestError
from nanochat_sdk.manifest import parse_manifest, read_declarations, read_manifest

HEAD = 'id = "mc"\nversion = "1"\nprotocol = 1\ntitle = "MC"\n'


def refused(text: str) -> str:
    with pytest.raises(ManifestError) as error:
        parse_manifest((HEAD + text).encode())
    assert "\n" not in str(error.value)
    return str(error.value)


LOG = '[[telemetry.logs]]\nline = "[T] {%s:float}"\n'
SPAN = '[[telemetry.spans]]\nspan = "s"\nmetrics = { "a" = "%s" }\n'
ALERT = '[[alerts]]\nid = "x"\ntitle = "t"\n'


def test_a_pack_without_declarations_declares_nothing() -> None:
    manifest = parse_manifest(HEAD.encode())
    assert not manifest.alerts and not manifest.telemetry.logs and not manifest.launch.flags


@pytest.mark.parametrize("name", ["train/loss", "val/x", "sys/cpu", "other/x"])
def test_metrics_of_others_cannot_be_written(name: str) -> None:
    assert name in refused(LOG % name)
    assert name in refused(SPAN % name)


def test_names_without_a_slash_cannot_be_written_by_spans() -> None:
    assert "core_metric" in refused(SPAN % "core_metric")


@pytest.mark.parametrize("target", ["{n}rain/x", "{n}/loss", "mc/{m}", "mc/{n.real}", "mc/*"])
def test_a_slot_cannot_make_another_name(target: str) -> None:
    refused((SPAN % target).replace('"a"', '"a_{n:int}"'))


def test_declared_names_may_be_written_but_not_the_programs() -> None:
    parse_manifest((HEAD + LOG % "else/x" + '[[telemetry.metrics]]\nname = "else/*"\n').encode())
    assert "program's" in refused('[[telemetry.metrics]]\nname = "train/*"\n')
    assert "program's" in refused('[[telemetry.metrics]]\nname = "t*/loss"\n')
    assert "program's" in refused('[telemetry]\nprefix = "train/"\n')
    assert "stays so" in refused('[[telemetry.metrics]]\nname = "mc/x"\nfrom = "train/loss"\n')


def test_every_metric_of_the_program_is_out_of_reach() -> None:
    for spec in SPECS:
        first, slash, _ = spec.pattern.partition("/")
        assert not slash or first in CORE_PREFIXES | {"mc"}, spec.pattern
    assert all(is_known(name) for name in ALIASES)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[[telemetry.logs]]\nline = "a {b:word}"\n', "`b` goes nowhere"),
        ('[[telemetry.logs]]\nline = "a {*}"\n', "says nothing"),
        ('[[telemetry.logs]]\nline = "a {mc/b:word}"\n', "must be a float or an int"),
        ('[[telemetry.logs]]\nline = "a {step:word}"\nspan = "s"\n', "`step` must be an int"),
        (SPAN % "mc/x" + 'step = "later"\n', "neither"),
        (SPAN % "mc/x" + 'step = "id=train_{n:int}"\n', "no field {step:int}"),
        ("[[launch.flags]]\noption = 'a'\nmin = 2\nmax = 1\n", "above max"),
        ("[[launch.flags]]\noption = 'a'\nvalues = [1]\nmax = 1\n", "either values"),
        ("[[launch.flags]]\noption = 'a'\n[[launch.flags]]\noption = 'a'\n", "twice"),
        (ALERT, "either a metric or a log"),
        (ALERT + 'metric = "m/x"\nlog = "a {*}"\n', "either a metric or a log"),
        (ALERT + 'metric = "m/x"\nstat = "rate"\n', "needs `for_s`"),
        (ALERT + 'metric = "m/x"\nalways = true\nop = "!="\n', "another op"),
        (ALERT + 'log = "a {b:word}"\nfor_points = 3\n', "belong to a metric"),
        (ALERT.replace('"t"', '"{who}"') + 'metric = "m/x"\n', "`who`"),
        (ALERT + 'metric = "m/x"\nop = "~"\n', "op"),
        ("[[layouts]]\nfile = '../x.toml'\n", "file"),
        ("[[layouts]]\nfile = '/etc/x.toml'\n", "file"),
        ("[[layouts]]\nfile = 'a/x.yaml'\n", "name a .toml file"),
        ("[[prefabs]]\nfile = 'x.toml'\n", "name a .yaml file"),
        ("[telemetry]\nregex = 'a'\n", "regex"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(text: str, words: str) -> None:
    assert words in refused(text)


def test_files_of_declarations_are_read_together(tmp_path: Path) -> None:
    (tmp_path / "pack.toml").write_text(HEAD + 'declarations = ["a.toml", "sub/b.toml"]\n')
    (tmp_path / "sub").mkdir()
    (tmp_path / "a.toml").write_text('[telemetry]\nprefix = "mine/"\n')
    (tmp_path / "sub" / "b.toml").write_text(LOG % "mine/x")
    found = read_declarations(read_manifest(tmp_path / "pack.toml"), tmp_path)
    assert found.telemetry.prefix == "mine/" and len(found.telemetry.logs) == 1


@pytest.mark.parametrize(
    "content", [b"id = 'x'\n", b"\xff", b"[[", b"#" * 70_000, b"[[alerts]]\nid='A'\ntitle='x'\n"]
)
def test_a_wrong_file_of_declarations_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "pack.toml").write_text(HEAD + 'declarations = ["a.toml"]\n')
    (tmp_path / "a.toml").write_bytes(content)
    manifest = read_manifest(tmp_path / "pack.toml")
    with pytest.raises(ManifestError, match=r"a\.toml"):
        read_declarations(manifest, tmp_path)


def test_declarations_are_never_read_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "pack.toml").write_text(HEAD + 'declarations = ["a.toml"]\n')
    (tmp_path / "real.toml").write_text("")
    (tmp_path / "a.toml").symlink_to("real.toml")
    with pytest.raises(ManifestError, match=r"a\.toml"):
        read_declarations(read_manifest(tmp_path / "pack.toml"), tmp_path)
