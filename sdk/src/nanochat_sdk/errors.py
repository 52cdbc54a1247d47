"""What goes wrong at the SDK's edges. Every message is one line a person can act on."""

from __future__ import annotations


class SdkError(ValueError):
    """Base of every error the SDK raises on purpose."""


class ManifestError(SdkError):
    """pack.toml is not one. The message says which key and what is expected."""


class PayloadError(SdkError):
    """A payload breaks a rule its types cannot say, for example columns of unequal length."""


class WireError(SdkError):
    """Bytes that are not the message they should be: too long, malformed, or untrue."""


class OptionError(SdkError):
    """An option of a panel is wrong. key: the option; near: the closest valid key or value."""

    def __init__(self, key: str, message: str, near: str = "") -> None:
        super().__init__(f"`{key}` {message}" + (f"; did you mean `{near}`?" if near else ""))
        self.key, self.message, self.near = key, message, near
