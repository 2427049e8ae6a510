"""Asks a Bento in a process of its own: `python -I ask_apart.py BENTO PRODUCTS.json ANSWERS.json`.

Nothing of the checkout is in reach, so that the Bento's own code and model are the ones that answer, through
the same HTTP interface as in production.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

PRODUCTS_AT_ONCE = 500


def main(bento: str, products: str, answers: str) -> None:
    """Read `products` (a list of JSON objects), write the Bento's answers, a list of responses, to `answers`."""
    sys.path[:] = [one for one in sys.path if not (Path(one) / "aisle").is_dir()]
    sys.dont_write_bytecode = True
    import bentoml
    from starlette.testclient import TestClient

    asked = json.loads(Path(products).read_text(encoding="utf-8"))
    responses = []
    service: Any = bentoml.load(bento)
    with TestClient(service.to_asgi(), base_url="http://127.0.0.1:3000", client=("127.0.0.1", 50000)) as client:
        for start in range(0, len(asked), PRODUCTS_AT_ONCE):
            some = asked[start : start + PRODUCTS_AT_ONCE]
            response = client.post("/v1/categorize", json={"products": some, "alternatives": 0})
            if response.status_code != 200:
                sys.exit(f"status {response.status_code}: {response.text[:300]}")
            responses.append(response.json())
    if not Path(str(sys.modules["aisle"].__file__)).is_relative_to(Path(bento).resolve()):
        sys.exit(f"the code that answered lies in {sys.modules['aisle'].__file__}, not in the Bento")
    Path(answers).write_text(json.dumps(responses), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
