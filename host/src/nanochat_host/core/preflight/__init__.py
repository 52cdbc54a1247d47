"""What would go wrong with a run, found before it is started, offline and in a moment."""
