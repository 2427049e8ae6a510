"""The model with its policy and tree: products in, answers as arrays out. Knows nothing of HTTP."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from aisle.catalogue.columns import Columns
from aisle.catalogue.taxonomy import Taxonomy, read_taxonomy
from aisle.decision.answers import REASONS, Decisions, decide
from aisle.decision.describing import describe
from aisle.decision.policy import Policy, read_policy, trust_band
from aisle.errors import AisleError, ModelError
from aisle.files import read_json
from aisle.model.categorizer import Categorizer
from aisle.model.explain import Explanation, explain
from aisle.model.scores import sum_by
from aisle.model.suggestions import Suggestions
from service import schemas
from service.settings import MAX_ALTERNATIVES, MAX_BODY, MAX_EXPLAINED, MAX_PROBABILITIES, MAX_PRODUCTS

IDENTITY = (
    "model_name",
    "model_version",
    "run_id",
    "policy_id",
    "data_version",
    "git_commit",
    "bento_tag",
    "promoted_at",
    "promoted_by",
)
FILES = ("model.skops", "policy.json", "taxonomy.csv", "identity.json")
_LEAVES_SHOWN = 8
_limited = threading.local()


class Model(Protocol):
    """What a model must be able to do: a `Categorizer`, or one to compare it with."""

    classes_: NDArray[np.str_]
    branches_: NDArray[np.str_]
    branch_index_: NDArray[np.intp]

    def suggest(self, products: Columns) -> Suggestions:
        """A category for each of n products, with its confidence."""

    def predict_proba(self, products: Columns) -> NDArray[np.float64]:
        """A probability for every category, shape (n, K)."""


class Engine:
    """Answers for products: what the model suggests and what the policy makes of it.

    Parameters
    ----------
    model : fitted
    policy : that was chosen for this model
    taxonomy : that names the categories
    identity : where the model comes from, values by the names of `IDENTITY`

    Attributes
    ----------
    name : what every answer carries

    Raises
    ------
    ModelError
        Where these do not belong together.
    """

    def __init__(self, model: Model, policy: Policy, taxonomy: Taxonomy, identity: Mapping[str, str | None]) -> None:
        self.model, self.policy, self.taxonomy = model, policy, taxonomy
        self.identity = {name: identity.get(name) for name in IDENTITY}
        if self.identity["policy_id"] != policy.policy_id:
            raise ModelError(
                f"the policy is {policy.policy_id}, but the model was packaged with {self.identity['policy_id']}; "
                "package it again"
            )
        unknown = [str(one) for one in (*model.classes_, *model.branches_) if one not in taxonomy]
        if unknown:
            raise ModelError(
                f"the model names {len(unknown)} categories that taxonomy.csv lacks, such as '{unknown[0]}'; "
                "package the tree that it was trained with"
            )
        self._names = {one.category_id: one.name or one.category_id for one in taxonomy.categories.values()}
        self.name = schemas.ModelName(
            name=self.identity["model_name"] or "aisle",
            version=self.identity["model_version"] or "none",
            policy_id=policy.policy_id,
            bento_tag=self.identity["bento_tag"],
        )

    @classmethod
    def load(cls, folder: Path, bento_tag: str | None = None) -> Engine:
        """Read a packaged model: `model.skops`, `policy.json`, `taxonomy.csv` and `identity.json`.

        Raises
        ------
        ModelError
            In one line, for anything that is missing, damaged, or does not belong together.
        """
        from aisle.model.storage import load

        folder = Path(folder)
        try:
            for name in FILES:
                if not (folder / name).is_file():
                    raise ModelError(f"{folder / name}: not there; package the model with `aisle package`")
            identity = read_json(folder / "identity.json")
            if not isinstance(identity, dict) or not all(isinstance(one, str | None) for one in identity.values()):
                raise ModelError(f"{folder / 'identity.json'}: not an object of texts; package the model again")
            policy, taxonomy = read_policy(folder / "policy.json"), read_taxonomy(folder / "taxonomy.csv")
            return cls(load(folder / "model.skops"), policy, taxonomy, {**identity, "bento_tag": bento_tag})
        except ModelError:
            raise
        except AisleError as error:
            raise ModelError(str(error)) from error

    def categorize(self, products: Columns) -> tuple[Suggestions, Decisions]:
        """What is suggested for n products, and what the policy decides."""
        _keep_to_one_thread()
        suggestions = self.model.suggest(products)
        return suggestions, decide(suggestions, self.policy)

    def ids(self, level: Literal["category", "branch"]) -> list[str]:
        """Ids of the columns of `probabilities`."""
        ids: list[str] = (self.model.classes_ if level == "category" else self.model.branches_).tolist()
        return ids

    def probabilities(self, products: Columns, level: Literal["category", "branch"]) -> NDArray[np.float64]:
        """A probability for every category, shape (n, K), or every branch, (n, B); rows sum to 1."""
        _keep_to_one_thread()
        by_category = np.asarray(self.model.predict_proba(products), dtype=np.float64)
        return by_category if level == "category" else self._by_branch(by_category)

    def _by_branch(self, by_category: NDArray[np.float64]) -> NDArray[np.float64]:
        by_branch = sum_by(by_category, self.model.branch_index_, len(self.model.branches_))
        return np.minimum(by_branch, 1.0)  # sums of many may exceed 1 by a rounding error

    def explain(self, products: Columns, product_ids: Sequence[str], neighbours: int) -> list[schemas.Explained]:
        """Why each of n products is answered as it is; for a handful at a time."""
        suggestions, decisions = self.categorize(products)
        by_category = self.probabilities(products, "category")
        by_branch = self._by_branch(by_category)
        told = self._told(products, neighbours)
        return [
            schemas.Explained(
                product_id=product_id,
                band=trust_band(suggestions.confidence[row]),
                branches=self._branches(by_branch[row]),
                leaves=self._leaves(by_category[row], suggestions.branch_id[row]),
                **_answer(row, suggestions, decisions),
                **_voices(told[row] if told else None, suggestions.top_categories[row]),
            )
            for row, product_id in enumerate(product_ids)
        ]

    def _told(self, products: Columns, neighbours: int) -> list[Explanation] | None:
        """What the model says of its reasons; None for a model that says nothing."""
        if not isinstance(self.model, Categorizer):
            return None
        return explain(self.model, products, self._names, neighbours)

    def _branches(self, probability: NDArray[np.float64]) -> list[schemas.BranchProbability]:
        best = np.argsort(-probability, kind="stable")
        return [schemas.BranchProbability(str(self.model.branches_[one]), float(probability[one])) for one in best]

    def _leaves(self, probability: NDArray[np.float64], branch_id: str) -> list[schemas.LeafProbability]:
        (below,) = np.nonzero(self.model.branches_[self.model.branch_index_] == branch_id)
        best = below[np.argsort(-probability[below], kind="stable")][:_LEAVES_SHOWN]
        return [schemas.LeafProbability(str(self.model.classes_[one]), float(probability[one])) for one in best]

    def categories(self) -> schemas.Categories:
        """The whole tree, in the order of its file."""
        tree, leaves = self.taxonomy.categories, set(self.taxonomy.leaves)
        return schemas.Categories(
            model=self.name,
            category_id=list(tree),
            parent_id=[one.parent_id for one in tree.values()],
            name=[one.name for one in tree.values()],
            leaf=[one in leaves for one in tree],
        )

    def described(self, timeout_seconds: float) -> schemas.Described:
        """Where the model comes from, what its policy promises, and what a request may hold."""
        return schemas.Described(
            model=self.name,
            identity=self.identity,
            promise=describe(self.policy),
            policy={"policy_id": self.policy.policy_id, **self.policy.to_dict()},
            categories=len(self.model.classes_),
            branches=len(self.model.branches_),
            limits=schemas.Limits(
                body_bytes=MAX_BODY,
                products=MAX_PRODUCTS,
                explained=MAX_EXPLAINED,
                alternatives=MAX_ALTERNATIVES,
                probabilities=MAX_PROBABILITIES,
                timeout_seconds=timeout_seconds,
            ),
        )


def _answer(row: int, suggestions: Suggestions, decisions: Decisions) -> dict[str, Any]:
    threshold, reason = float(decisions.threshold[row]), str(decisions.reason[row])
    return {
        "category_id": suggestions.category_id[row],
        "branch_id": suggestions.branch_id[row],
        "confidence": float(suggestions.confidence[row]),
        "branch_confidence": float(suggestions.branch_confidence[row]),
        "decision": decisions.decision[row],
        "decided_id": decisions.decided_id[row],
        "start_branch_id": decisions.start_branch_id[row],
        "threshold": None if np.isnan(threshold) else threshold,
        "reason": reason,
        "reason_text": REASONS[reason],
    }


def _voices(told: Explanation | None, top_categories: NDArray[np.object_]) -> dict[str, Any]:
    if told is None:
        rival = top_categories[1] if len(top_categories) > 1 else None
        return {"doubt": None, "rival_id": rival, "spoke_for": [], "spoke_against": [], "nearest": []}
    return {
        "doubt": told.reason,
        "rival_id": told.rival_id,
        "spoke_for": [schemas.Voice(*one) for one in told.spoke_for],
        "spoke_against": [schemas.Voice(*one) for one in told.spoke_against],
        "nearest": [schemas.Neighbour(*one) for one in told.nearest],
    }


def _keep_to_one_thread() -> None:
    """Numeric libraries use one thread in each thread that calls the model; more would only wait for each other.

    OpenMP keeps its number of threads by thread, so it is set in the one that calls, the first time.
    """
    if not getattr(_limited, "done", False):
        from threadpoolctl import threadpool_limits

        threadpool_limits(limits=1)
        _limited.done = True
