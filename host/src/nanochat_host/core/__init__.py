"""The privileged process: owns runs, telemetry, checkpoints, secrets and configuration."""
