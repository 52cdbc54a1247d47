"""Checkpoints on disk: what there is, whether it is whole, what it fits, and getting rid of it."""
