"""The command line, one module a verb. Everything here goes through the core's door."""
