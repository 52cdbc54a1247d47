"""Consent: for which bytes it is given, what is asked again, and a file that somebody edited."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from nanochat_host.errors import NotFoundError, RefusedError
from nanochat_host.installed import PacksFileError, read_installed
from nanochat_host.packs import consent, grants
from nanochat_host.packs.catalog import Catalog
from nanochat_host.packs.install.offer import offer
from nanochat_host.packs.protected import protected
from nanochat_host.packs.sandbox.level import Level
from nanochat_host.paths import Paths
from nanochat_sdk.capabilities import Capability
from pack_rig import make_pack


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return Paths(tmp_path / "home")


@pytest.fixture
def source(tmp_path: Path, paths: Paths) -> Path:
    """A pack that is installed."""
    folder = make_pack(tmp_path / "heat")
    agree(paths, folder)
    return folder


def agree(paths: Paths, folder: Path) -> None:
    with offer(paths, folder) as found:
        grants.accept(paths, found)


def granted(paths: Paths) -> frozenset[str]:
    catalog = Catalog.discover([], paths=paths)
    return catalog.granted(catalog.entry("heat:map"))


def edit(paths: Paths, change: Callable[[dict[str, Any]], None]) -> None:
    file = json.loads(paths.packs_json.read_text())
    change(file)
    paths.packs_json.write_text(json.dumps(file))


def test_a_pack_gets_what_was_agreed_to_and_what_is_revoked_is_gone(
    paths: Paths, source: Path
) -> None:
    assert granted(paths) == {"metrics:read", "logs:read"}
    grants.revoke(paths, "heat", ["logs:read"])
    assert granted(paths) == {"metrics:read"}
    with pytest.raises(RefusedError, match="has no `logs:read`"):
        grants.revoke(paths, "heat", ["logs:read"])
    grants.grant(paths, "heat", ["logs:read"])
    assert granted(paths) == {"metrics:read", "logs:read"}
    assert oct(paths.packs_json.stat().st_mode & 0o777) == "0o600"
    with pytest.raises(NotFoundError, match="no pack `cold`"):
        grants.revoke(paths, "cold", ["logs:read"])


def test_the_same_bytes_are_not_asked_about_again(paths: Paths, source: Path) -> None:
    with offer(paths, source) as found:
        assert found.agreed
        assert found.changes == []


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"word": "goodbye"}, ["changed: panel.py"]),
        ({"files": {"fast.so": "x"}}, ["added: fast.so"]),
        ({"version": "1.1"}, ["version: 1.0 -> 1.1", "changed: pack.toml"]),
        (
            {"capabilities": '"metrics:read", "actions:pause"'},
            ["asks for more: actions:pause", "no longer asks for: logs:read"],
        ),
    ],
)
def test_a_change_is_asked_about_by_name(
    paths: Paths, source: Path, change: dict[str, Any], says: list[str]
) -> None:
    make_pack(source, **change)
    with offer(paths, source) as found:
        assert not found.agreed
        assert set(says) <= set(found.changes)
        told = " ".join(line.text for line in consent.lines(found, Level.STRICT))
    assert all(words in told for words in says)


def test_what_was_taken_back_stays_so_in_an_update(paths: Paths, source: Path) -> None:
    grants.revoke(paths, "heat", ["logs:read"])
    make_pack(source, version="2", capabilities='"metrics:read", "logs:read", "gpu:read"')
    with offer(paths, source) as found:
        lines = [line.text for line in consent.permission_lines(found)]
        grants.accept(paths, found)
    assert granted(paths) == {"metrics:read", "gpu:read"}
    assert "you took it back" in lines[1]
    assert lines[2].startswith("NEW: See load")


def test_consent_to_run_without_walls_is_for_the_bytes_it_was_given_for(
    paths: Paths, source: Path
) -> None:
    grants.set_unsandboxed(paths, "heat", True)
    assert Catalog.discover([], paths=paths).entry("heat:map").unsandboxed
    agree(paths, source)
    assert Catalog.discover([], paths=paths).entry("heat:map").unsandboxed
    make_pack(source, version="2")
    agree(paths, source)
    assert not Catalog.discover([], paths=paths).entry("heat:map").unsandboxed


def test_the_question_names_everything_that_counts(paths: Paths, tmp_path: Path) -> None:
    folder = make_pack(
        tmp_path / "new",
        capabilities='"net:api.example.org:443"',
        files={"lib.so": "x", "n.cpython-311.so": "y"},
    )
    with offer(paths, folder) as found:
        told = {line.label: line for line in consent.lines(found, Level.NONE)}
        assert consent.title(found) == "Install Heat (heat 1.0)?"
        assert told["sha256"].text == found.tree.sha256
    assert told["may"].text.startswith("Exchange data with api.example.org, port 443")
    assert "lib.so" in told["compiled"].text
    assert "nanochat-cli pack grant heat --unsandboxed" in told["walls"].text


def test_what_reaches_a_run_is_named_before_it_does(paths: Paths, tmp_path: Path) -> None:
    folder = make_pack(tmp_path / "new")
    manifest = folder / "pack.toml"
    manifest.write_text('declarations = ["more.toml"]\n' + manifest.read_text())
    (folder / "more.toml").write_text(
        '[launch]\nrequires = ["heat_on"]\n[launch.env]\nHEAT_MODE = "loud"\n'
        '[[alerts]]\nid = "hot"\ntitle = "Hot"\nmetric = "heat/x"\nop = ">"\nvalue = 1.0\n'
    )
    with offer(paths, folder) as found:
        lines = [line.text for line in consent.lines(found, Level.STRICT)]
    assert "1 alert rule" in lines
    assert "sets in the runs it is for: HEAT_MODE=loud" in lines


def test_a_disabled_pack_is_kept_and_not_opened(paths: Paths, source: Path) -> None:
    grants.set_enabled(paths, "heat", False)
    catalog = Catalog.discover([], paths=paths)
    assert "heat:map" not in catalog.panels
    assert not catalog.packs["heat"].enabled
    make_pack(source, version="2")
    agree(paths, source)
    assert "heat:map" not in Catalog.discover([], paths=paths).panels


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('{\n "version": 1,\n "packs": [}', "line 3"),
        ("[]", "Expected `object`"),
        ('{"version": 9, "packs": []}', "version 9"),
        ("\x00", "Expecting value"),
    ],
)
def test_a_broken_file_is_one_line_and_nothing_is_lost(
    paths: Paths, source: Path, text: str, says: str
) -> None:
    paths.packs_json.write_text(text)
    catalog = Catalog.discover([], paths=paths)
    assert "heat:map" not in catalog.panels
    assert "builtin:loss" in catalog.panels
    (error,) = catalog.errors
    assert says in error.message
    assert "\n" not in str(error)
    with pytest.raises(PacksFileError):
        agree(paths, source)
    with pytest.raises(PacksFileError):
        grants.remove(paths, "heat")
    assert paths.packs_json.read_text() == text
    assert list(paths.pack_store.iterdir()), "the files stay"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"granted": ["everything"]}, "`everything` is not a permission"),
        ({"granted": "metrics:read"}, "Expected `array`"),
        ({"sha256": "f" * 64}, "does not begin with"),
        ({"folder": "../../../etc"}, "$.folder"),
        ({"id": "../x"}, "$.id"),
        ({"trusted": True}, "unknown field `trusted`"),
        ({"version": "9"}, "it is `heat` 1.0 now"),
    ],
)
def test_a_broken_entry_costs_that_pack_only(
    paths: Paths, source: Path, tmp_path: Path, change: dict[str, Any], says: str
) -> None:
    other = make_pack(tmp_path / "cold", id="cold")
    agree(paths, other)
    edit(paths, lambda file: file["packs"][0].update(change))
    catalog = Catalog.discover([], paths=paths)
    assert "heat:map" not in catalog.panels
    assert "cold:map" in catalog.panels
    (error,) = catalog.errors
    assert says in error.message
    assert error.hint
    # Changing another pack loses nothing of what stands there.
    before = json.loads(paths.packs_json.read_text())["packs"][0]
    grants.revoke(paths, "cold", ["logs:read"])
    assert json.loads(paths.packs_json.read_text())["packs"][0] == before


def test_an_entry_that_is_there_twice_is_not_used(paths: Paths, source: Path) -> None:
    edit(paths, lambda file: file["packs"].append(file["packs"][0]))
    found = read_installed(paths)
    assert found.packs == {}
    (error,) = found.errors
    assert "is listed twice" in error.message


def test_a_file_that_others_can_write_is_not_believed(paths: Paths, source: Path) -> None:
    paths.packs_json.chmod(0o666)
    (error,) = read_installed(paths).errors
    assert "others can write it" in error.message
    link = paths.packs_json
    link.rename(paths.packs / "real.json")
    link.symlink_to(paths.packs / "real.json")
    assert read_installed(paths).packs == {}


def test_a_grant_of_more_than_is_declared_gives_nothing_more(paths: Paths, source: Path) -> None:
    edit(paths, lambda file: file["packs"][0]["granted"].append("actions:steer"))
    assert granted(paths) == {"metrics:read", "logs:read"}


def test_a_wrong_clock_does_no_harm(paths: Paths, source: Path) -> None:
    for time_s in (-1e12, 0, 1e18):
        edit(paths, lambda file, t=time_s: file["packs"][0].update(installed_at=t))
        assert granted(paths) == {"metrics:read", "logs:read"}
        with offer(paths, source) as found:
            assert found.agreed


def test_an_installed_pack_and_a_folder_with_one_id_are_both_named(
    paths: Paths, source: Path
) -> None:
    catalog = Catalog.discover([source], paths=paths)
    assert "heat:map" not in catalog.panels
    (error,) = catalog.errors
    assert "two packs have the id `heat`" in error.message
    assert "nanochat-cli pack remove heat" in error.hint


def test_paths_that_hold_secrets_are_not_to_be_had(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "me"
    (home / "data").mkdir(parents=True)
    (home / ".ssh").mkdir()
    (home / "way").symlink_to(home / ".ssh")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("NANOCHAT_CLI_HOME", raising=False)
    for path in ("/etc", "/proc/self", "/", "/srv", home, home.parent, home / ".ssh", home / "way"):
        assert protected(str(path)), path
    for path in (home / "data", "/srv/data", home / ".cache/nanochat/tokenizer"):
        assert not protected(str(path)), path


def test_every_permission_has_its_sentence_in_the_documentation() -> None:
    text = (Path(__file__).parents[2] / "docs/packs.md").read_text()
    for capability in Capability:
        assert f"| `{capability}` | {capability.sentence} |" in text
