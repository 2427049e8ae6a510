"""`aisle package`: build the artefact that a platform team runs, from the champion and from nothing else."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

EPILOG = """\
Takes the version that holds the alias `champion`, and checks that the Bento answers the version's logged example
rows, and test rows where they are here, bit for bit as the registry's model does. Packaging the same model and code
again builds nothing, and says which labels would be others now; --again makes it anew with them. Bentos lie in
`bentos/`, or where BENTOML_HOME says.

  aisle package
  aisle package --output aisle.bento          one file, to hand over
  aisle package --override --reason "the old champion's sellers are gone; agreed with ann" """

_SHOWN = (
    "model_name", "model_version", "run_id", "policy_id", "data_version", "git_commit", "gate", "promoted_by",
    "override_reason", "source",
)  # fmt: skip


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Where to, and whether the gate is overruled."""
    parser.epilog = EPILOG
    parser.add_argument(
        "--output",
        metavar="PATH",
        type=Path,
        help="also write the Bento there: a file that ends in .bento, or a folder",
    )
    parser.add_argument("--override", action="store_true", help="package although the champion failed the gate")
    parser.add_argument("--reason", metavar="TEXT", default="", help="why it is overridden; the Bento's labels keep it")
    parser.add_argument("--again", action="store_true", help="build although the Bento is there")


def run(arguments: argparse.Namespace) -> int | None:
    """Package the champion and say what was made, and what to do with it."""
    from aisle.files import sha256_of
    from pipelines.bento import packaging, store

    done = packaging.package(Path(), override=arguments.override, reason=arguments.reason, again=arguments.again)
    bento = done.bento
    for line in done.warnings:
        print(f"aisle: warning: {line}", file=sys.stderr)
    if done.new:
        print(f"packaged {bento.tag}, {_megabytes(bento.size)}: answers {done.compared} products as the registry does")
    else:
        print(f"{bento.tag}, {_megabytes(bento.size)}, is there already; nothing was built")
    for name in _SHOWN:
        if name in bento.labels:
            print(f"  {name:<15}  {bento.labels[name]}")
    if arguments.output is not None:
        store.export(bento, arguments.output)
        sha256 = f", sha256 {sha256_of(arguments.output)}" if arguments.output.is_file() else ""
        print(f"written to {arguments.output}{sha256}")
    print("next:")
    print("  aisle serve                           serve it here, at http://127.0.0.1:3000")
    if arguments.output is None:
        print("  aisle package --output aisle.bento    one file, to hand over; docs/platform.md says how it is run")
    else:
        print("  docs/platform.md                      how it is run elsewhere, as a process or a container")
    return 0


def _megabytes(size: int) -> str:
    return f"{size / 2**20:.1f} MB"
