"""`aisle report`: render the report again from the evidence of the last run, and say where it is."""

from __future__ import annotations

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Define the options of `aisle report`."""
    parser.add_argument("--open", action="store_true", help="show it in the browser")


def run(arguments: argparse.Namespace) -> int | None:
    """Write `work/report.html` from `work/evidence/` and print its path."""
    from pipelines.report.files import write_page

    page = write_page().resolve()
    print(page)
    if arguments.open:
        import webbrowser

        if not webbrowser.open(page.as_uri()):
            print("No browser could be started here; open the file above.")
    return None
