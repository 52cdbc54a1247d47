"""The panels nanochat-cli comes with. Each uses the public SDK only."""
