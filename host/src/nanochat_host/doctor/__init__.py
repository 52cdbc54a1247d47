"""What works on this machine, layer by layer, and what to do about the rest."""
