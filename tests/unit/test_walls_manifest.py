"""Hostile manifests: each is refused as text, quickly, and nothing is imported or followed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from nanochat_host.packs.catalog import Catalog
from nanochat_sdk.errors import ManifestError
from nanochat_sdk.manifest import MAX_MANIFEST, RESERVED, parse_manifest


def manifest(pack_id: str = "good", entry: str = "panel:Main", more: str = "") -> bytes:
    return f"""
id = "{pack_id}"
version = "1"
protocol = 1
title = "Good"
{more}
[[panels]]
id = "main"
entry = "{entry}"
title = "Main"
help = "A panel."
""".encode()


def test_a_plain_one_is_accepted() -> None:
    assert parse_manifest(manifest("my-pack_2", "a.b_c:Main")).id == "my-pack_2"


@pytest.mark.parametrize(
    "pack_id",
    [
        *(
            "../../evil",
            "/etc/cron.d/x",
            "a/b",
            "..",
            ".",
            "",
            "Evil",
            "e\\u0000vil",
            "e\\u202evil",
        ),
        *("p\\u0430ck", "a" * 41, "-x", "x-", "a--b", "good\\n", "a_", *sorted(RESERVED)),
    ],
)
def test_ids_are_plain_words(pack_id: str) -> None:
    with pytest.raises(ManifestError):
        parse_manifest(manifest(pack_id))


@pytest.mark.parametrize(
    "entry",
    [
        *("__import__('os').system('x')", "os.system:x()", "..evil:main", "a:b:c", "panel:"),
        *("panel:main;import os", ":main", "panel main", "pa\\u00f1el:main", "panel:main\\n"),
        *("a..b:c", "a.:c", "panel:ma\\u0131n"),
    ],
)
def test_entries_are_names_not_expressions(entry: str) -> None:
    with pytest.raises(ManifestError):
        parse_manifest(manifest(entry=entry))


@pytest.mark.parametrize(
    "more",
    [
        'description = "a\\u001b[2Jb"',
        'description = "a\\u202eb"',
        'description = "a\\u200bb"',
        '[launch.env]\n"A\\u2066B" = "1"',
    ],
)
def test_no_text_hides_or_turns_what_is_read_before_agreeing(more: str) -> None:
    with pytest.raises(ManifestError, match="cannot be shown"):
        parse_manifest(manifest(more=more))


def test_spaces_of_other_scripts_may_be_written() -> None:
    words = "Verlust\u00a0: \u640d\u5931\u3000(\u202f%)"
    raw = manifest(more=f'description = "{words}"').replace(b'"Good"', f'"{words}"'.encode())
    said = parse_manifest(raw)
    assert said.description == said.title == words


def test_a_title_is_one_line_and_a_description_may_be_more() -> None:
    parse_manifest(manifest(more='description = "one\\ntwo"'))
    for word in ("Good", "Main"):
        with pytest.raises(ManifestError, match="more than one line"):
            parse_manifest(manifest().replace(f'"{word}"'.encode(), f'"{word}\\nx"'.encode()))


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "raw",
    [
        b"a = " + b"[" * 7000 + b"]" * 7000,
        b"a" + b".a" * 7000 + b" = 1",
        b"a = " + b"{a=" * 4000 + b"1" + b"}" * 4000,
        b"a = 1\n" * (MAX_MANIFEST // 6 + 1),
        b"\x00\xff",
        manifest(more="x = " + "9" * 9000),
        manifest(more="[host]\ntrust = true"),
        manifest(more='id = "other"'),
    ],
    ids=["deep", "dotted", "inline", "huge", "binary", "number", "unknown", "twice"],
)
def test_bombs_are_refused(raw: bytes) -> None:
    with pytest.raises(ManifestError):
        parse_manifest(raw)


@pytest.mark.timeout(60)
def test_what_is_not_a_regular_file_is_not_opened(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere.toml"
    elsewhere.write_bytes(manifest())
    packs = tmp_path / "packs"
    for name in ("fifo", "link", "folder"):
        (packs / name).mkdir(parents=True)
    os.mkfifo(packs / "fifo" / "pack.toml")
    (packs / "link" / "pack.toml").symlink_to(elsewhere)
    (packs / "folder" / "pack.toml").mkdir()
    found = Catalog.discover([packs])
    assert len(found.errors) == 3
    assert not any(name.startswith("good:") for name in found.panels)
