"""What packs ask the core for beyond a run's data: their notes, and pages from the network."""
