"""The host of an address: which one it is, and whether that is this machine."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import urlsplit

# `api.example.com`, read alike by everybody. What is made of digits and dots alone may be an address in disguise
# (`127.1`), so a letter is wanted. Possessive repeats: linear on any length.
_PLAIN_NAME = re.compile(r"(?=[0-9.]*+[a-z-])[a-z0-9.-]++")


def host_of(url: str) -> str:
    """The host of a URL as it is asked for, in ASCII: a letter of another script looks like ours.

    Raises:
        ValueError: No call can be made to it.
    """
    host = urlsplit(url).hostname or ""
    # Brackets hold an IPv6 address, whose zone and shortened forms only the client reads for certain.
    if "[" not in url and (_PLAIN_NAME.fullmatch(host) or _is_address(host)):
        return host
    import httpx2

    # Python's own codec reads some names otherwise than the client that makes the calls, which takes long to load.
    try:
        return httpx2.URL(url).raw_host.decode()
    except httpx2.InvalidURL as error:
        raise ValueError(f"no call can be made to {host!r}") from error


def is_loopback(url: str) -> bool:
    """Whether a URL stays on this machine; then proxies of the environment must not be asked."""
    # `localhost` is taken by its name, not looked up: what a resolver says may change between this question and the
    # call.
    host = urlsplit(url).hostname or ""
    return host == "localhost" or (_is_address(host) and ipaddress.ip_address(host).is_loopback)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
