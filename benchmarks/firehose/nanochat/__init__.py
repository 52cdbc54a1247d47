"""Makes this folder look like a checkout."""
