"""Screens as TOML: from file to LayoutSpec and back."""
