"""What a checkout is. Standard library only: parts of it run inside the trainer."""
