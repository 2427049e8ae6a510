"""`aisle key`: make an API key for the scoring service."""

from __future__ import annotations

import argparse

EPILOG = """\
The key goes to whoever calls the service, who sends it as `Authorization: Bearer KEY`. The service needs
the second line only, a hash from which nobody can get the key back: put it into the file that
AISLE_API_KEYS_FILE names, which is read again when it changes, or into AISLE_API_KEYS, with commas
between several. To take a key away, take its line out.

  aisle key shop
  aisle key desk"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Whose key it is."""
    parser.epilog = EPILOG
    parser.add_argument("name", metavar="NAME", help="who will use it; stands in the log of the service")


def run(arguments: argparse.Namespace) -> int | None:
    """Print a new key, and the line by which the service will know it."""
    from service.keys import line_of, make_key

    key = make_key()
    line = line_of(arguments.name, key)
    print(f"key, shown this once: {key}")
    print(f"line for the service: {line}")
    return 0
