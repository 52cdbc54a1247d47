"""Editing the dashboard while a run streams: imported when a person begins to."""
