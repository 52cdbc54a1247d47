"""What stands behind the checkpoints screen: the list, what is known of one, what is done to it."""
