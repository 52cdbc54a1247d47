"""The panels nanochat-cli comes with. They use `nanochat_sdk` and nothing else."""
