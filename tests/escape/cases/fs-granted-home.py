"""Declare folders that hold keys, and read one."""


def attempt(ctx):
    with open(ctx["ssh_key"]) as file:
        return f"ESCAPED: {file.read()}"
