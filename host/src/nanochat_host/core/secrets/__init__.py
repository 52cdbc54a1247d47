"""Tokens for accounts elsewhere: kept 0600 or in a keyring, handed to the one process that needs
them, never shown."""
