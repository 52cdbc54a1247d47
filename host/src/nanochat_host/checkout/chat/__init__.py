"""The warm driver: loads a checkpoint in the checkout's own Python and streams what it says."""
