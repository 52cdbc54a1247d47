"""The telemetry store and what feeds it."""
