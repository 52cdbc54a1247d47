"""What a configuration will cost: counts as nanochat makes them, and estimates marked as such."""
