"""What stands behind the start screen: a draft of a run, its rows, and the table that edits it."""
