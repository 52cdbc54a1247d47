"""What a pack may ask for: one spelling each, no wildcard, and a sentence for every one."""

import pytest
from nanochat_sdk.capabilities import Capability, Permission, parse_permission, sentence
from nanochat_sdk.errors import ManifestError
from nanochat_sdk.manifest import parse_manifest

PACK = """
id = "p"
version = "1"
protocol = 1
title = "P"
[[panels]]
id = "one"
entry = "m:C"
title = "One"
help = "One."
capabilities = ["{permission}"]
"""


@pytest.mark.parametrize(
    "text",
    [*Capability, "files:read:/data/a b", "net:api.example.org:443", "net:93.184.216.34:80"],
)
def test_a_permission_is_written_in_one_way_and_said_in_a_sentence(text: str) -> None:
    permission = parse_permission(text)
    assert str(permission) == text
    assert sentence(permission).endswith(".")
    assert all(part in sentence(permission) for part in permission.argument.split(":"))


def test_the_argument_is_taken_apart() -> None:
    assert parse_permission("files:read:/a:b") == Permission("files:read", "/a:b")
    assert parse_permission("net:x.org:1") == Permission("net", "x.org:1")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("metrics", "not a permission"),
        ("metrics:*", "not a permission"),
        ("actions:stop", "not a permission"),
        ("files:read", "not a permission"),
        ("files:read:data", "absolute path"),
        ("files:read:/", "everything"),
        ("files:read://etc", "absolute path"),
        ("files:read:/a/../b", "absolute path"),
        ("files:read:/a/", "absolute path"),
        ("files:read:/a/*.bin", "wildcard"),
        ("files:read:/a\n", "cannot be shown"),
        ("files:read:/a\u202eb", "cannot be shown"),
        ("files:read:/" + "a" * 600, "longer than"),
        ("net:*.example.org:443", "exact host"),
        ("net:Example.org:443", "exact host"),
        ("net:example.org.:443", "exact host"),
        ("net:exämple.org:443", "exact host"),
        ("net:user@example.org:443", "exact host"),
        ("net:[::1]:443", "exact host"),
        ("net::443", "exact host"),
        ("net:example.org", "port"),
        ("net:example.org:0", "port"),
        ("net:example.org:0443", "port"),
        ("net:example.org:65536", "port"),
        ("net:example.org:٤", "port"),
        ("net:127.1:80", "four numbers"),
        ("net:2130706433:80", "four numbers"),
        ("net:0x7f.1:80", "four numbers"),
        ("net:0177.0.0.1:80", "four numbers"),
    ],
)
def test_what_is_wrong_is_named(text: str, says: str) -> None:
    with pytest.raises(ManifestError, match=says):
        parse_permission(text)


def test_a_manifest_with_a_wrong_permission_is_refused() -> None:
    assert parse_manifest(PACK.replace("{permission}", "store:kv").encode()).panels
    with pytest.raises(ManifestError, match=r"panel `one`: .*files:write.* not a permission"):
        parse_manifest(PACK.replace("{permission}", "files:write:/x").encode())
