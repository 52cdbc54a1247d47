"""Talking to checkpoints: warm drivers in the checkout's own Python, and what was said."""
