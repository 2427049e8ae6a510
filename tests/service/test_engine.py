from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from aisle.catalogue.columns import Columns
from aisle.decision.policy import Policy, trust_band
from aisle.errors import ModelError
from aisle.model.explain import explain
from service.engine import Engine
from tests.aisle.model.shop import BRANCH_OF, shop
from tests.service.asking import stub_engine

PRODUCTS = Columns({"title": ["cordless drill", "dragon kite", "sofa bed blue", "zzz"]})


def test_a_packaged_model_answers_as_before_it_was_packaged(engine: Engine, packaged: Path) -> None:
    loaded = Engine.load(packaged, "aisle:abc")
    assert loaded.name == engine.name
    products = shop(50, seed=3)
    for one, other in zip(loaded.categorize(products), engine.categorize(products), strict=True):  # type: ignore[arg-type]
        for name in vars(one):
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


@pytest.mark.parametrize("name", ["model.skops", "policy.json", "taxonomy.csv", "identity.json"])
@pytest.mark.parametrize("how", ["missing", "empty", "noise"])
def test_a_package_that_is_damaged_is_one_line(packaged: Path, tmp_path: Path, name: str, how: str) -> None:
    folder = shutil.copytree(packaged, tmp_path / "copy")
    if how == "missing":
        (folder / name).unlink()
    else:
        (folder / name).write_bytes(b"" if how == "empty" else b"\x00\xff[1]" * 9)
    with pytest.raises(ModelError, match=name) as caught:
        Engine.load(folder)
    assert "\n" not in str(caught.value)


def test_what_does_not_belong_together_is_not_served(packaged: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(packaged, tmp_path / "copy")
    identity = json.loads((folder / "identity.json").read_text())
    (folder / "identity.json").write_text(json.dumps({**identity, "policy_id": "000000000000"}))
    with pytest.raises(ModelError, match="000000000000"):
        Engine.load(folder)
    (folder / "identity.json").write_text(json.dumps(identity))
    rows = (folder / "taxonomy.csv").read_text().splitlines()
    (folder / "taxonomy.csv").write_text("\n".join(row for row in rows if not row.startswith("kite,")))
    with pytest.raises(ModelError, match="'kite'"):
        Engine.load(folder)


def test_decisions_are_those_of_the_policy(engine: Engine, policy: Policy) -> None:
    suggestions, decisions = engine.categorize(PRODUCTS)
    assert suggestions.category_id.tolist()[:3] == ["drill", "kite", "sofa"]
    assert decisions.decision.tolist()[1:3] == ["review", "review"]
    assert decisions.reason.tolist()[1:3] == ["few_labels", "automation_off"]
    expected = policy.decide(suggestions.confidence, suggestions.category_id, suggestions.branch_id)
    assert decisions.decision.tolist() == expected.tolist()


def test_probabilities_of_branches_are_sums_of_those_of_categories(engine: Engine) -> None:
    by_category = engine.probabilities(PRODUCTS, "category")
    by_branch = engine.probabilities(PRODUCTS, "branch")
    assert by_category.shape == (4, len(engine.ids("category")))
    for column, branch in enumerate(engine.ids("branch")):
        below = [BRANCH_OF[one] == branch for one in engine.ids("category")]
        np.testing.assert_allclose(by_branch[:, column], by_category[:, below].sum(axis=1))


def test_an_explanation_agrees_with_the_answer_and_says_what_the_model_says(engine: Engine) -> None:
    suggestions, decisions = engine.categorize(PRODUCTS)
    explained = engine.explain(PRODUCTS, ["p0", "p1", "p2", "p3"], 3)
    told = explain(engine.model, PRODUCTS, {}, 3)  # type: ignore[arg-type]
    for row, one in enumerate(explained):
        assert one.product_id == f"p{row}"
        assert (one.category_id, one.branch_id) == (suggestions.category_id[row], suggestions.branch_id[row])
        assert one.confidence == suggestions.confidence[row]
        assert one.band == trust_band(one.confidence)
        assert (one.decision, one.reason) == (decisions.decision[row], decisions.reason[row])
        assert (one.threshold is None) == (one.branch_id == "home")
        assert [(voice.text, voice.contribution) for voice in one.spoke_for] == [
            (voice.text, voice.contribution) for voice in told[row].spoke_for
        ]
        assert one.rival_id == told[row].rival_id
        branches = [branch.probability for branch in one.branches]
        assert branches == sorted(branches, reverse=True)
        assert sum(branches) == pytest.approx(1)
        assert {BRANCH_OF[leaf.category_id] for leaf in one.leaves} == {one.branch_id}
        assert one.leaves[0].probability == max(leaf.probability for leaf in one.leaves)
    assert "drill" in {voice.text for voice in explained[0].spoke_for}
    assert explained[2].doubt is None or "Sofa" in explained[2].doubt  # names, not ids


def test_a_model_that_cannot_explain_still_says_what_it_answers() -> None:
    (explained,) = stub_engine().explain(Columns({"title": ["x"]}), ["p"], 3)
    assert (explained.category_id, explained.rival_id, explained.doubt) == ("a", "c", None)
    assert [(one.branch_id, round(one.probability, 9)) for one in explained.branches] == [("x", 0.8), ("y", 0.2)]
    assert [one.category_id for one in explained.leaves] == ["a", "b"]


def test_the_tree_is_told_in_columns(engine: Engine) -> None:
    tree = engine.categories()
    rows = dict(zip(tree.category_id, zip(tree.parent_id, tree.name, tree.leaf, strict=True), strict=True))
    assert rows["tools"] == (None, "Tools", False)
    assert rows["kite"] == ("toys", "Kite", True)
    assert len(rows) == 11


def test_the_model_keeps_to_one_thread_wherever_it_is_called(packaged: Path) -> None:
    code = """
import sys, threading
from threadpoolctl import threadpool_info
from aisle.catalogue.columns import Columns
from service.engine import Engine
engine, seen = Engine.load(sys.argv[1]), []
def ask():
    engine.categorize(Columns({"title": ["drill"]}))
    seen.append({pool["num_threads"] for pool in threadpool_info()})
ask()
other = threading.Thread(target=ask)
other.start(); other.join()
assert seen == [{1}, {1}], seen
"""
    environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(
        [sys.executable, "-c", code, str(packaged)], check=False, capture_output=True, text=True, env=environment
    )
    assert done.returncode == 0, done.stderr
