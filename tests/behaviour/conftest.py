"""The candidate that a run chooses, trained on a sample catalogue: what every behaviour is asked of."""

from __future__ import annotations

import fcntl
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest

from aisle.catalogue.preparing import prepare
from aisle.catalogue.sample import write_sample
from aisle.catalogue.tables import read_frame, read_table, write_frame
from aisle.catalogue.taxonomy import Taxonomy, read_taxonomy
from aisle.config import read_parameters
from aisle.model.candidates import make_candidate
from aisle.model.categorizer import Categorizer
from aisle.model.storage import load, save


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
def trained(root: Path, tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Trained:
    """Trained on the default sample with the parameters as shipped, once for all processes that test."""
    alone = worker_id == "master"
    folder = tmp_path_factory.mktemp("behaviour") if alone else tmp_path_factory.getbasetemp().parent / "behaviour"
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "model.skops").exists():
            _train(root, folder)
    return Trained(
        load(folder / "model.skops"), read_frame(folder / "test.parquet"), read_taxonomy(folder / "data/taxonomy.csv")
    )


def _train(root: Path, folder: Path) -> None:
    data = folder / "data"
    write_sample(data, folder / "truth.parquet")
    parameters = read_parameters(root / "params.yaml")
    taxonomy = read_taxonomy(data / "taxonomy.csv")
    frames = prepare(
        read_table(data, "products"), read_table(data, "labels"), taxonomy, parameters.split, parameters.train
    )
    candidate = make_candidate(
        "reranked",
        parameters.candidates["reranked"],
        {leaf: taxonomy.branch_of(leaf) for leaf in taxonomy.leaves},
        jobs=2,
    )
    train = frames.train
    candidate.fit(train, train["category_id"], train["weight"], train["fold"])
    write_frame(frames.test, folder / "test.parquet")
    save(candidate, folder / "model.skops")
