"""Our service with the linear model in it: `python -m benchmarks.serving.our_linear FOLDER TAXONOMY PORT`.

The Bento's service as it is, but for the model: this one is not ours.
"""

from __future__ import annotations

import sys
from pathlib import Path

from aisle.catalogue.taxonomy import read_taxonomy
from aisle.decision.policy import Policy
from benchmarks.serving.linear import LinearModel, read_linear

_EXPECTED = ("coverage", "coverage_low", "coverage_high", "accuracy", "accuracy_low", "accuracy_high", "rows")


def main() -> None:
    folder, tree, port = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    from service import bento, run
    from service.engine import Engine
    from service.server import Process

    taxonomy = read_taxonomy(tree)
    branch_of = {leaf: taxonomy.branch_of(leaf) for leaf in taxonomy.leaves}
    policy = Policy("target_accuracy", 0.9, 0.95, None, 0.8, expected=dict.fromkeys(_EXPECTED))
    identity = {"model_name": "linear", "model_version": "1", "policy_id": policy.policy_id}
    engine = Engine(LinearModel(read_linear(folder), branch_of), policy, taxonomy, identity)
    bento._service().engine = engine
    Process(*run.load(None)).run([run.bind("127.0.0.1", port)])


if __name__ == "__main__":
    main()
