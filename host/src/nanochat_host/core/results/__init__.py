"""What evaluations measured, from everything that says so: checkpoints, logs, reports, tables."""
