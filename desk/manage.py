"""Django's own commands for the desk: `python -m desk.manage migrate`, `… check --deploy`, `… createsuperuser`."""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Run the command that the process's arguments name."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "desk.settings")
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
