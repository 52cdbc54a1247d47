"""Pure functions from payloads to strips: braille, ticks, colormaps."""
