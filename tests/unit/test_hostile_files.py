"""Files of persons and of packs, spoiled: read, or refused in words of ours, and in no time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nanochat_host.core.prefab_file import read_prefab
from nanochat_host.core.settings import Settings
from nanochat_host.core.wire_alerts import AlertLimits
from nanochat_host.errors import NanochatCliError
from nanochat_host.installed import read_installed
from nanochat_host.layout.load import check_layout
from nanochat_host.paths import Paths
from nanochat_host.ui.keymap import check, read_keymap
from nanochat_sdk.errors import SdkError
from nanochat_sdk.manifest import parse_manifest, read_declarations
from pace import cpu_s

ROOT = Path(__file__).resolve().parents[2]
PACK = ROOT / "mc_plugin" / "src" / "nanochat_mc"
MANIFEST = (PACK / "pack.toml").read_bytes()
DECLARED = ("telemetry.toml", "alerts.toml", "flags.toml")
ENTRY = (
    b'{"id": "a", "version": "1", "sha256": "%s", "folder": "a-1", "granted": ["metrics:read"], '
    b'"unsandboxed": false, "enabled": true, "installed_at": 1.0, "source": "x"}' % (b"0" * 64)
)
GOOD = {
    "manifest": MANIFEST,
    **{name: (PACK / name).read_bytes() for name in DECLARED},
    "layout": (ROOT / "layouts" / "default.toml").read_bytes(),
    "keymap": b'[keys]\n"app.quit" = "Q"\n[keys.app]\nhelp = "ctrl+x"\n',
    "packs": b'{"version": 1, "packs": [%s]}' % ENTRY,
    "prefab": min((ROOT / "prefabs").glob("*.yaml")).read_bytes(),
    "settings": b"[alerts]\nspike = 3.0\noff = []\n",
}
DEEP = 20_000
KEY = b".".join([b"a"] * DEEP)
ALIASES = b"".join(
    b"%c: &%c [%s]\n" % (n, n, b",".join([b"*%c" % (n - 1)] * 9)) for n in range(98, 107)
)
BOMBS = [
    b"", b"\0", b"\xff\xfe", b"null", b"[]", b"a = " + b"[" * DEEP, b"a = " + b"{a=" * DEEP,
    KEY + b" = 1", b"[%s]" % KEY, b"a = " + b"9" * 5000, b"a = 0x" + b"f" * 5000, b"a = 1e999999",
    b'a = "\\ud800"', b'"\\u0000" = "x"', b"version = 99999999999999999999", b"version = inf",
    b"version = 1979-05-27T07:32:00Z", b"[alerts]\nspike = " + b"9" * 400, b"a: " + b"[" * DEEP,
    b"a: " + b"[\n" * DEEP, b"a: " + b"{a: " * DEEP, b"- " * DEEP, b"a: &a [x,x]\n" + ALIASES,
    b"version: 1\nstages: &a {base_train: *a}", b"version: 1\ntitle: !!python/name:os.system x",
    b"version: 1\nstages: {a: {b: 9999-99-99}}", b"version: 1\n? [a]\n: b", b"<<: 1", b"a\n--- b",
    b"version: 1\ngpus: " + b"9" * 5000, b"[" * DEEP, b'{"version": 1, "packs": ' + b"[" * DEEP,
    b'{"version": 1, "packs": [{"id": %s}]}' % (b"9" * 5000), b'{"version": 1e400, "packs": []}',
    b'{"version": 1, "packs": [null]}', b'{"version": 1, "packs": [{"id": "../x"}]}',
]  # fmt: skip
PIECES = [
    b"\0", b"[", b"{", b'"', b"'", b"\xff", b"\n", b"=", b"\\ud800", b"9" * 400, b"inf", b"-", b"*",
    b"1979-05-27", b"true", b"[]", b"{}", b'""', b".", b"&a ", b"!!x ", b"../", b"1e400",
    "\u202e".encode(),
]  # fmt: skip
SPOILING = st.lists(
    st.tuples(st.floats(0, 1), st.integers(0, 30), st.sampled_from(PIECES)), min_size=1, max_size=3
)
LONGEST_S = 5.0
"""A hundred times what the worst of them takes; without a limit they took half a minute."""


@pytest.fixture
def read(tmp_path: Path) -> Callable[[str, bytes], None]:
    """Reads a file of that kind and content."""
    paths = Paths(tmp_path / "home")
    paths.packs.mkdir(parents=True)
    manifest = parse_manifest(MANIFEST)
    for name in DECLARED:
        (tmp_path / name).write_bytes(GOOD[name])
    files = {name: tmp_path / name for name in GOOD}
    files |= {"keymap": paths.keymap_toml, "packs": paths.packs_json}
    readers: dict[str, Callable[[Path], object]] = {
        "manifest": lambda file: parse_manifest(file.read_bytes()),
        "layout": lambda file: check_layout(file, {}),
        "keymap": lambda _: check(read_keymap(paths)),
        "packs": lambda _: read_installed(paths),
        "prefab": lambda file: read_prefab(file, "x"),
        "settings": lambda file: Settings(file).table("alerts", AlertLimits),
    }

    def read(kind: str, raw: bytes) -> None:
        files[kind].write_bytes(raw)
        files[kind].chmod(0o600)
        try:
            if kind in DECLARED:
                read_declarations(manifest, tmp_path)
            else:
                readers[kind](files[kind])
        finally:
            files[kind].write_bytes(GOOD[kind])

    return read


@pytest.mark.parametrize("kind", GOOD)
def test_what_is_right_is_read(kind: str, read: Callable[[str, bytes], None]) -> None:
    read(kind, GOOD[kind])


@pytest.mark.parametrize("kind", GOOD)
def test_no_bomb_goes_off(kind: str, read: Callable[[str, bytes], None]) -> None:
    for bomb in BOMBS:
        assert cpu_s(lambda: words(kind, bomb, read)) < LONGEST_S, bomb[:60]  # noqa: B023


@pytest.mark.parametrize("kind", GOOD)
@settings(
    deadline=None, max_examples=60, derandomize=True, database=None,
    suppress_health_check=list(HealthCheck),
)  # fmt: skip
@given(spoiling=SPOILING)
def test_whatever_is_changed_is_read_or_refused(
    kind: str, read: Callable[[str, bytes], None], spoiling: list[tuple[float, int, bytes]]
) -> None:
    raw = bytearray(GOOD[kind])
    for place, length, piece in spoiling:
        at = int(place * len(raw))
        raw[at : at + length] = piece
    words(kind, bytes(raw), read)


def words(kind: str, raw: bytes, read: Callable[[str, bytes], None]) -> None:
    """Any other error than these two is a traceback on somebody's screen."""
    try:
        read(kind, raw)
    except (NanochatCliError, SdkError) as error:
        assert str(error) and len(str(error)) < 5000
