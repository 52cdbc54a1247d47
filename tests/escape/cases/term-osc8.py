"""Write a link of the terminal's own (OSC 8), and bidirectional overrides."""


def payload(ctx):
    link = "\x1b]8;;https://evil.example\x1b\\wandb\x1b]8;;\x1b\\"
    return {"kind": "text", "lines": [link, "abc \u202egnp.exe", "\u2066x\u2069"]}
