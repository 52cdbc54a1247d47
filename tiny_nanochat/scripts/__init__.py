"""The programs of tiny nanochat, each run as `python -m scripts.NAME` from this folder's parent."""
