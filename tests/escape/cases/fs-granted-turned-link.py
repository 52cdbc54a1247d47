"""Read a link that led to a harmless file when it was granted, and leads to a token now."""


def attempt(ctx):
    try:
        with open(ctx["link"]) as file:
            return f"ESCAPED: {file.read()}"
    except OSError as error:
        return type(error).__name__
