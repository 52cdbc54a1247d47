"""A panel that shows when the newest row was written."""

from nanochat_sdk import Data, Needs, Panel, Size, Text


class Stamp(Panel):
    """The newest `loop/stamp_ms` as text."""

    stamp = 0

    def needs(self, size: Size) -> Needs:
        return Needs(latest=("loop/stamp_ms",))

    def update(self, data: Data) -> bool:
        point = data.latest.get("loop/stamp_ms")
        self.stamp = int(point.value) if point else 0
        return point is not None

    def render(self, size: Size) -> Text:
        return Text(lines=[[(f"stamp={self.stamp};", "primary")]])
