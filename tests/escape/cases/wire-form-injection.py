"""Escapes, markup and turned text in every place a form has for words."""

EVIL = "\x1b]52;c;ZXZpbA==\x07\x1b[2J\x1b]8;;http://x\x07[@click=app.quit]a[/]\u202e\r\n"


def payload(ctx):
    return {
        "kind": "form",
        "title": EVIL,
        "submit": EVIL,
        "message": EVIL,
        "fields": [
            {"type": "text", "name": "a", "label": EVIL, "value": EVIL, "help": EVIL},
            {"type": "choice", "name": "b", "label": EVIL, "choices": [EVIL, "x"], "value": EVIL},
        ],
    }
