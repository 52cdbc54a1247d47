"""Programs about weights that need the checkout's torch. Standard library and the checkout only."""
