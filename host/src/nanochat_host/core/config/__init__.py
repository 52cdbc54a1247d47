"""A run's configuration: what a checkout takes, where each value comes from, what is wrong."""
