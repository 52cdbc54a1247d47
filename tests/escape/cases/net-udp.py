"""Send a datagram, which Landlock does not see."""

import socket


def attempt(ctx):
    try:
        sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sender.sendto(b"hello", ("127.0.0.1", ctx["udp_port"]))
    except OSError as error:
        return f"blocked: errno {error.errno}"
    return "ESCAPED: sent"
