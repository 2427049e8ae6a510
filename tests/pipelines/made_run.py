"""A run made up for tests: every file that the stage `evaluate` reads, in its format, in two seconds.

Twelve branches, 200 leaves with Zipf-like sizes, sixty sellers; five candidates whose confidence
is honest by construction, each less able than the one before.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from aisle.catalogue.tables import write_frame
from aisle.catalogue.taxonomy import Category, Taxonomy, write_taxonomy
from aisle.decision.policy import Policy, write_policy
from aisle.files import write_json, write_text

BRANCHES = (
    "Garden", "Kitchen", "Toys", "Tools", "Lighting", "Sport", "Office", "Pets", "Audio", "Cameras", "Baby",
    "Car parts",
)  # fmt: skip
KINDS = (
    "battery", "charger", "case", "lamp", "wheel", "pump", "cover", "brush", "filter", "stand", "cable", "holder",
    "mat", "bag", "blade", "hose", "clip",
)  # fmt: skip
CANDIDATES = {"linear_fields": 0.0, "linear_tree": 0.25, "linear_title": 0.5, "naive_bayes": 0.9, "hashed_network": 1.6}
CORRUPTIONS = {
    "cut_19": 1.0, "cut_30": 0.4, "vowels_dropped": 1.4, "misspelt": 0.9, "capitals": 0.0, "shuffled": 0.1,
    "last_word_missing": 0.3,
}  # fmt: skip
CHOSEN = "linear_fields"
EXPECTED = {
    "coverage": 0.72, "coverage_low": 0.7, "coverage_high": 0.74,
    "accuracy": 0.962, "accuracy_low": 0.951, "accuracy_high": 0.972, "rows": 2000,
}  # fmt: skip


class MadeRun:
    """Writes the files below `folder`; the numbers depend on `seed` alone.

    Parameters
    ----------
    folder : Path
    leaves, training, test : int
        Sizes.
    unequal : bool
        Whether test rows have different audit probabilities.
    policy : Policy, optional
        One with a single threshold by default.
    """

    def __init__(
        self,
        folder: Path,
        *,
        leaves: int = 200,
        training: int = 6000,
        test: int = 2000,
        unequal: bool = False,
        policy: Policy | None = None,
        seed: int = 1,
    ) -> None:
        self.folder, self.work = folder, folder / "work"
        self.rng = np.random.default_rng(seed)
        self.leaves = leaves
        self.taxonomy = self._taxonomy()
        self.sizes = 1 / np.arange(1, leaves + 1) ** 0.9
        self.training = self._products("train", training).assign(weight=1.0, fold=lambda rows: np.arange(len(rows)) % 3)
        self.test = self._products("test", test)
        odds = self.rng.choice([0.05, 0.2, 1.0], test) if unequal else 0.1
        self.test["audit_probability"] = odds
        self.test["weight"] = np.min(odds) / odds
        self.policy = policy or self.usual_policy()
        self._write()

    def _taxonomy(self) -> Taxonomy:
        branches = [Category(f"b{number:02}", None, name) for number, name in enumerate(BRANCHES)]
        leaves = [
            Category(
                f"c{number:03}",
                f"b{number % 12:02}",
                f"{KINDS[number // 12 % 17].capitalize()} for {BRANCHES[number % 12].lower()}",
            )
            for number in range(self.leaves)
        ]
        return Taxonomy([*branches, *leaves])

    def _products(self, role: str, rows: int) -> pd.DataFrame:
        leaf = self.rng.choice(self.leaves, rows, p=self.sizes / self.sizes.sum())
        words = self.rng.choice(KINDS, (rows, 6))
        names = [
            " ".join([*words[row, : self.rng.integers(1, 7)], str(self.rng.integers(100, 9999))]).title()
            for row in range(rows)
        ]
        missing = self.rng.random((rows, 3)) < (0.2, 0.5, 0.3)
        return pd.DataFrame(
            {
                "product_id": [f"{role}:{row}" for row in range(rows)],
                "revision": np.ones(rows, dtype=np.int32),
                "title": names,
                "description": np.where(missing[:, 0], None, "A thing that one needs."),
                "brand": np.where(missing[:, 1], None, "Acme"),
                "seller_category": np.where(missing[:, 2], None, "Shop > Things"),
                "price": self.rng.lognormal(3, 1, rows).round(2),
                "currency": "EUR",
                "seller": [None if one == 60 else f"shop-{one:02}.example" for one in self.rng.integers(0, 61, rows)],
                "received_at": pd.Timestamp("2025-01-01", tz="UTC")
                + pd.to_timedelta(self.rng.integers(0, 180, rows), "D"),
                "group": [f"g{role}{row}" for row in range(rows)],
                "category_id": [f"c{one:03}" for one in leaf],
                "branch_id": [f"b{one % 12:02}" for one in leaf],
                "origin": np.where(self.rng.random(rows) < 0.8, "import", "audit"),
            }
        )

    def scores(self, products: pd.DataFrame, worse: float = 0.0, never: bool = False) -> pd.DataFrame:
        """A score frame; `worse` takes that much off the logit of the confidence, `never` makes all of it wrong."""
        rows = len(products)
        rarity = products["category_id"].str[1:].astype(int).to_numpy() / self.leaves
        bad_seller = (products["seller"] == "shop-07.example").to_numpy()
        logit = self.rng.normal(3.2 - worse - 1.5 * rarity - (4.0 if never else 0.0), 2.2, rows)
        confidence = 1 / (1 + np.exp(-logit))
        right = (self.rng.random(rows) < confidence * np.where(bad_seller, 0.75, 1.0)) & (not never)
        true = products["category_id"].str[1:].astype(int).to_numpy()
        same_branch = (true + 12 * self.rng.integers(1, 4, rows)) % self.leaves
        elsewhere = (true + self.rng.integers(1, 12, rows)) % self.leaves
        found = np.where(right, true, np.where(self.rng.random(rows) < 0.6, same_branch, elsewhere))
        second = np.where(right, same_branch, true)
        return pd.DataFrame(
            {
                "product_id": products["product_id"].to_numpy(),
                "category_id": [f"c{one:03}" for one in found],
                "confidence": confidence,
                "branch_id": [f"b{one % 12:02}" for one in found],
                "branch_probability": confidence**0.5,
                "branch_confidence": 1 - 0.4 * (1 - confidence),
                "top_categories": [[f"c{one:03}", f"c{other:03}"] for one, other in zip(found, second, strict=True)],
                "top_probabilities": [[one, (1 - one) / 2] for one in confidence],
            }
        )

    def usual_policy(self) -> Policy:
        """One threshold, certified, the rarest categories to people."""
        counts = self.training["category_id"].value_counts()
        return Policy(
            kind="target_accuracy",
            target_accuracy=0.95,
            confidence_level=0.95,
            certificate="holdout",
            threshold=0.805,
            always_review=tuple(sorted(counts.index[counts < 5])),
            expected=EXPECTED,
        )

    def _write(self) -> None:
        work = self.work
        write_text(self.folder / "params.yaml", "policy: {target_accuracy: 0.95, min_labels: 5}\n")
        write_taxonomy(self.taxonomy, self.folder / "data/taxonomy.csv")
        write_frame(self.training, work / "prepared/train.parquet")
        write_frame(self.test, work / "prepared/test.parquet")
        write_frame(self.test, work / "prepared/calibration.parquet")
        for name, worse in CANDIDATES.items():
            write_frame(self.scores(self.test, worse), work / f"scores/{name}/test.parquet")
        write_frame(self.scores(self.training), work / f"candidates/{CHOSEN}/out_of_fold.parquet")
        write_json(work / "choice/candidate.json", {"candidate": CHOSEN})
        write_json(work / "choice/comparison.json", self._comparison())
        write_policy(self.policy, work / "policy.json")
        self._write_stress()
        write_json(work / "prepared/split.json", self._split())
        write_json(work / "validation/result.json", {"success": True, "warnings": []})

    def _write_stress(self) -> None:
        spoilt = [self.scores(self.test, worse).assign(corruption=name) for name, worse in CORRUPTIONS.items()]
        write_frame(pd.concat(spoilt, ignore_index=True), self.work / "stress/corrupted.parquet")
        for name, rows, never in (("sellers", 1500, False), ("categories", 600, True)):
            products = self.training.head(rows)
            true = products[["category_id", "branch_id"]].add_prefix("true_")
            scores = self.scores(products, 0.4, never)
            write_frame(scores.assign(**true), self.work / f"stress/held_out_{name}.parquet")

    def _comparison(self) -> dict[str, object]:
        coverage = np.linspace(0.01, 1, 200)
        return {
            "target_accuracy": 0.95,
            "chosen": CHOSEN,
            "reason": "the largest coverage at 95 % accuracy among out-of-fold training products",
            "candidates": [
                {
                    "candidate": name,
                    "accuracy": 0.88 - 0.06 * worse,
                    "coverage": 0.74 - 0.2 * worse,
                    "gap": 0.02 + 0.01 * worse,
                    "ece": 0.012,
                    "score_us": 210.0,
                    "fit_seconds": 21.5,
                    "peak_mb": 640.0,
                    "model_mb": 18.3,
                    "curve": {"coverage": coverage.tolist(), "accuracy": (1 - 0.1 * coverage).tolist()},
                }
                for name, worse in CANDIDATES.items()
            ],
        }

    def _split(self) -> dict[str, object]:
        return {
            "data_version": "5d41402abc4b2a76b9719d911017c592.dir",
            "regime": "representative",
            "roles": {
                "train": _facts(self.training), "calibration": _facts(self.test), "test": _facts(self.test),
            },
            "dropped": 3, "idle": 41, "idle_reasons": {"no_random_label": 41, "outside_regime": 0},
            "unlabelled": 1200, "straddling_titles": 0,
            "weights": {"min": 0.4, "mean": 1.0, "max": 6.1,
                        "clipped": 12, "effective_rows": 5120.4, "audit_share": 0.1},
            "calibration_hash": "ab" * 32,
            "rare": {"without_rows": 2, "below_5": 11, "below_15": 64},
        }  # fmt: skip


def _facts(frame: pd.DataFrame) -> dict[str, object]:
    return {
        "rows": len(frame),
        "groups": int(frame["group"].nunique()),
        "categories": int(frame["category_id"].nunique()),
        "sellers": int(frame["seller"].nunique()),
        "by_origin": {str(origin): int(rows) for origin, rows in frame["origin"].value_counts().items()},
    }
