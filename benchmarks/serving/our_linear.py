"""Our service with the linear model in it: `python -m benchmarks.serving.our_linear FOLDER TAXONOMY PORT`.

The Bento's service as it is, but for the model: this one is not ours.
"""

from __future__ import annotations

import sys
from pathlib import Path

from benchmarks.serving.linear import model_and_policy


def main() -> None:
    folder, tree, port = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    from service import bento, run
    from service.engine import Engine
    from service.server import Process

    model, policy, taxonomy = model_and_policy(folder, tree)
    identity = {"model_name": "linear", "model_version": "1", "policy_id": policy.policy_id}
    bento.Aisle.engine = Engine(model, policy, taxonomy, identity)
    Process(*run.load(None)).run([run.bind("127.0.0.1", port)])


if __name__ == "__main__":
    main()
