"""The library half of tiny nanochat; the programs are in `scripts/`."""
