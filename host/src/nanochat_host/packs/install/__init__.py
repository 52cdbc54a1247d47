"""Packs into the store: read what a stranger made, believe none of it, write it where nothing can
change it. Runs no code of a pack."""
