"""What runs inside the trainer: reports every scalar of the loop and carries out commands.

The package imports the standard library only and never edits a file: `runner.py` is started in
place of `python -m SCRIPT`, parses the script, instruments its training loop in memory and runs it
as `__main__`. Whatever goes wrong in here, the training goes on.
"""
