"""nanochat-cli: the host, the core and the command line."""

__version__ = "0.1.0"
