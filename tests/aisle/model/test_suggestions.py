"""Products in as plain columns: the same suggestions, and no need of pandas."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd

from aisle.catalogue.columns import PRODUCT_FIELDS, Columns
from aisle.model.categorizer import Categorizer
from aisle.model.explain import explain
from aisle.model.storage import save

_WITHOUT_PANDAS = """
import sys
class NoPandas:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("pandas", "pyarrow"):
            raise ImportError(name)
sys.meta_path.insert(0, NoPandas())
from aisle.catalogue.columns import Columns
from aisle.decision.answers import decide
from aisle.decision.describing import describe
from aisle.decision.policy import read_policy, trust_band
from aisle.catalogue.taxonomy import read_taxonomy
from aisle.model.explain import explain
from aisle.model.storage import load
categorizer, titles = load(sys.argv[1]), Columns({"title": sys.argv[2:]})
found = [len(explain(categorizer, titles)), len(categorizer.predict_proba(titles))]
print(*categorizer.suggest(titles).confidence.tolist(), *found)
"""


def as_columns(products: pd.DataFrame) -> Columns:
    known = [name for name in PRODUCT_FIELDS if name in products.columns]
    return Columns({name: [None if pd.isna(one) else one for one in products[name].tolist()] for name in known})


def test_columns_and_frames_get_the_same_suggestions(fitted: Categorizer, test: pd.DataFrame) -> None:
    columns = as_columns(test)
    suggested, frame = fitted.suggest(columns), fitted.score_frame(test)
    for name in ("category_id", "branch_id", "confidence", "branch_confidence", "branch_probability"):
        np.testing.assert_array_equal(getattr(suggested, name), frame[name].to_numpy())
    assert suggested.top_categories.tolist() == frame["top_categories"].tolist()
    np.testing.assert_array_equal(fitted.predict_proba(columns), fitted.predict_proba(test))
    assert len(suggested) == len(test)


def test_columns_and_frames_get_the_same_explanations(fitted: Categorizer, test: pd.DataFrame) -> None:
    few = test.head(5)
    assert explain(fitted, as_columns(few)) == explain(fitted, few)


def test_no_products_get_no_suggestions(fitted: Categorizer) -> None:
    assert len(fitted.suggest(Columns({"title": []}))) == 0


def test_scoring_needs_no_pandas(fitted: Categorizer, test: pd.DataFrame, tmp_path: Path) -> None:
    save(fitted, tmp_path / "model.skops")
    titles = test["title"].head(3).tolist()
    root = Path(__file__).parents[3]
    done = subprocess.run(
        [sys.executable, "-c", _WITHOUT_PANDAS, str(tmp_path / "model.skops"), *titles],
        cwd=root, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    *confidence, explained, probabilities = done.stdout.split()
    assert [float(one) for one in confidence] == fitted.suggest(Columns({"title": titles})).confidence.tolist()
    assert (explained, probabilities) == ("3", "3")
