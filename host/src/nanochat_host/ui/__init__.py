"""The terminal host. Nobody imports this package, and only it imports textual."""
