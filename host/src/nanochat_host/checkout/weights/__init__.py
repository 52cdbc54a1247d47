"""Programs about weights that need the checkout's torch. Standard library and the checkout only."""

LIBRARY = "nanochat"
"""What the checkout calls its library; set by `inside.py` before anything is imported."""
