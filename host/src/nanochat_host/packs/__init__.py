"""The untrusted side: discovery of packs, their workers, and what keeps them apart."""
