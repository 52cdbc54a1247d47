"""For those who write packs: a new one, its tests, its panels live while they are edited."""

from pathlib import Path

SAMPLE = Path(__file__).with_name("sample.jsonl")
"""Events of a run of the embedded checkout, every eighth step: what panels are tried on."""
