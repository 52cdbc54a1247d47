"""Panels for MegaContext runs, written with the public SDK only. `pack.toml` says what they are."""
