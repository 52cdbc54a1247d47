"""Which addresses of the network a pack may be led to: those of the public internet."""

from __future__ import annotations

import ipaddress

_PUBLIC_V6 = ipaddress.IPv6Network("2000::/3")
"""All that is handed out so far: everything else is local, a translation or yet to be defined."""
_TUNNELS_V6 = tuple(map(ipaddress.IPv6Network, ("2001::/23", "2002::/16", "3fff::/20")))
"""Addresses that carry another one inside (Teredo, 6to4), or that are for documents."""
_RELAYS_V4 = ipaddress.IPv4Network("192.88.99.0/24")


def is_public(text: str) -> bool:
    """The address is one of the public internet: no loopback, link-local, private, shared (CGNAT),
    multicast, reserved, translated or tunnelled one. False for what is no address."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    if address.is_multicast or address.is_unspecified or not address.is_global:
        return False
    if isinstance(address, ipaddress.IPv4Address):
        return not address.is_reserved and address not in _RELAYS_V4
    if address.scope_id is not None or address not in _PUBLIC_V6:
        return False
    return not any(address in tunnel for tunnel in _TUNNELS_V6)
