"""Widgets: they own drawing and post messages."""
