"""The warm driver: loads a checkpoint in the checkout's own Python and streams what it says."""

LIBRARY = "nanochat"
"""What the checkout calls its library; set by `inside.py` before anything is imported."""
