"""Small widgets of the screens: each paints itself line by line."""
