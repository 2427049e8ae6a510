"""The candidate that a run chooses, trained on a sample catalogue: what every behaviour is asked of."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest

from aisle.catalogue.preparing import prepare
from aisle.catalogue.sample import write_sample
from aisle.catalogue.tables import read_table
from aisle.catalogue.taxonomy import Taxonomy, read_taxonomy
from aisle.config import read_parameters
from aisle.model.candidates import make_candidate
from aisle.model.categorizer import Categorizer


@dataclass(frozen=True)
class Trained:
    """A categorizer, the products that it never saw, and its tree."""

    categorizer: Categorizer
    test: pd.DataFrame
    taxonomy: Taxonomy

    def categories(self, titles: list[str]) -> list[str]:
        """The top category of each title, nothing else being known."""
        return self.categorizer.predict(pd.DataFrame({"title": titles})).tolist()

    def branches(self, titles: list[str]) -> list[str]:
        """The best branch of each title."""
        return self.categorizer.score_frame(pd.DataFrame({"title": titles}))["branch_id"].tolist()

    def probability(self, title: str, category: str) -> float:
        """The probability of one category."""
        probability = self.categorizer.predict_proba(pd.DataFrame({"title": [title]}))[0]
        return float(probability[list(self.categorizer.classes_).index(category)])

    def branch_probability(self, title: str, branch: str) -> float:
        """Summed probability of the leaves of `branch`."""
        probability = self.categorizer.predict_proba(pd.DataFrame({"title": [title]}))[0]
        leaves = [self.taxonomy.branch_of(category) == branch for category in self.categorizer.classes_]
        return float(probability[leaves].sum())


@pytest.fixture(scope="session")
def trained(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """Trained on the default sample with the parameters as shipped."""
    folder = tmp_path_factory.mktemp("behaviour") / "data"
    write_sample(folder, folder.with_name("truth.parquet"))
    parameters = read_parameters(root / "params.yaml")
    taxonomy = read_taxonomy(folder / "taxonomy.csv")
    frames = prepare(
        read_table(folder, "products"), read_table(folder, "labels"), taxonomy, parameters.split, parameters.train
    )
    candidate = make_candidate(
        "reranked",
        parameters.candidates["reranked"],
        {leaf: taxonomy.branch_of(leaf) for leaf in taxonomy.leaves},
        jobs=2,
    )
    train = frames.train
    candidate.fit(train, train["category_id"], train["weight"], train["fold"])
    return Trained(candidate, frames.test, taxonomy)
