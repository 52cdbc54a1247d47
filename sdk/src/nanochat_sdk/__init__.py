"""Write a live panel for nanochat-cli. See docs/panels.md for the tour."""

from nanochat_sdk.asks import Answer, Fetch, StoreDelete, StoreGet, StoreList, StorePut
from nanochat_sdk.capabilities import Capability
from nanochat_sdk.data import (
    Data,
    Event,
    LogQuery,
    Needs,
    Point,
    RunFacts,
    Series,
    SeriesQuery,
)
from nanochat_sdk.forms import BoolField, ChoiceField, Editor, Form, NumberField, TextField
from nanochat_sdk.panel import Panel, Size
from nanochat_sdk.payload import (
    Axis,
    Cells,
    Chart,
    Child,
    Column,
    Gauge,
    Heatmap,
    Mark,
    Payload,
    Plot,
    Rule,
    Span,
    Stack,
    Table,
    Text,
    notice,
    pack,
    unpack,
)
from nanochat_sdk.protocol import Act, EditorSubmitted, FormSubmitted, Input, KeyHelp, View
from nanochat_sdk.style import SERIES_STYLES, Style

__version__ = "0.1.0"
__all__ = [
    "SERIES_STYLES", "Act", "Answer", "Axis", "BoolField", "Capability", "Cells", "Chart", "Child",
    "ChoiceField", "Column", "Data", "Editor", "EditorSubmitted", "Event", "Fetch", "Form",
    "FormSubmitted", "Gauge", "Heatmap", "Input", "KeyHelp", "LogQuery", "Mark", "Needs",
    "NumberField", "Panel", "Payload", "Plot", "Point", "Rule", "RunFacts", "Series", "SeriesQuery",
    "Size", "Span", "Stack", "StoreDelete", "StoreGet", "StoreList", "StorePut", "Style", "Table",
    "Text", "TextField", "View", "notice", "pack", "unpack",
]  # fmt: skip
