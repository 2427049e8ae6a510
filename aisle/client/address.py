"""What a client is given to reach a service: its address and a key, checked before anything is sent."""

from __future__ import annotations

import ipaddress
import os

import httpx

from aisle.errors import ConfigurationError

KEY_VARIABLE = "AISLE_API_KEY"


def checked_url(url: str, *, name: str = "service", secret: str = KEY_VARIABLE) -> str:
    """`url` without a slash at its end; `ConfigurationError` for what is no address.

    Parameters
    ----------
    name : str
        What is to be found there, for messages.
    secret : str
        The variable of the environment that holds what an address must not: the key, or the token.
    """
    try:
        parsed = httpx.URL(url.strip())
    except (httpx.InvalidURL, ValueError) as error:
        raise ConfigurationError(f"the address of the {name} is no URL ({error}); write http://HOST:PORT") from error
    if parsed.userinfo:
        raise ConfigurationError(f"the address of the {name} holds a password; set {secret} in the environment instead")
    if parsed.scheme not in ("http", "https") or not parsed.host or parsed.query or parsed.fragment:
        raise ConfigurationError(f"{url}: is no address of a {name}; write http://HOST:PORT")
    return str(parsed).rstrip("/")


def is_loopback(url: str) -> bool:
    """Whether `url` means this machine."""
    host = httpx.URL(url).host
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def authorization(key: str | None) -> dict[str, str]:
    """The header that carries the key, by default the one of the environment; none without a key."""
    if key is None:
        key = os.environ.get(KEY_VARIABLE)
    key = (key or "").strip()
    if not key:
        return {}
    if not all("!" <= character <= "~" for character in key):
        raise ConfigurationError(f"the API key holds a character that no key has; check {KEY_VARIABLE}, or its file")
    return {"Authorization": f"Bearer {key}"}
