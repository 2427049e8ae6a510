"""All the evidence of a run as plain data: what the report shows and other programs may read."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from aisle.catalogue.taxonomy import Taxonomy
from aisle.decision.describing import describe
from aisle.decision.evidence import categories as of_categories
from aisle.decision.evidence import confusion, curves, quadrants, robustness
from aisle.decision.evidence.frame import evaluated
from aisle.decision.evidence.metrics import metrics
from aisle.decision.evidence.shares import share, worth
from aisle.decision.evidence.slices import slices
from aisle.decision.policy import REST, Policy
from aisle.decision.selective import coverage_at, gap

TITLE_CANDIDATE = "linear_title"  # the candidate that reads names alone
FACTS_OF_CANDIDATES = ("accuracy", "coverage", "gap", "ece", "score_us", "fit_seconds", "peak_mb", "model_mb")


@dataclass(frozen=True)
class Inputs:
    """What evidence is gathered from.

    Attributes
    ----------
    chosen : str
        The chosen candidate, a key of `scores`.
    scores : score frames of the test rows, by candidate
    test, training : prepared frames
        `training` needs `product_id, category_id, branch_id, seller, weight`.
    corrupted, unseen_sellers, unseen_categories : score frames of the stress stage, or None
        Of test rows with their `corruption`; of training rows by models that never saw their seller
        or their category.
    out_of_fold : score frame of the training rows by the chosen candidate, or None
    copies : score frames of the test rows by the number of copies of rare examples in training
    comparison, split, validation : plain data of the earlier stages, shown as found
    calibration : plain data: `youngest` and `due_on` (dates, null where not known),
        `after_uses`, `after_days`
    """

    chosen: str
    scores: Mapping[str, pd.DataFrame]
    test: pd.DataFrame
    training: pd.DataFrame
    policy: Policy
    taxonomy: Taxonomy
    min_labels: int
    copies_of_rare: int
    corrupted: pd.DataFrame | None = None
    unseen_sellers: pd.DataFrame | None = None
    unseen_categories: pd.DataFrame | None = None
    out_of_fold: pd.DataFrame | None = None
    copies: Mapping[int, pd.DataFrame] = field(default_factory=dict)
    comparison: Mapping[str, Any] = field(default_factory=dict)
    split: Mapping[str, Any] = field(default_factory=dict)
    validation: Mapping[str, Any] = field(default_factory=dict)
    calibration: Mapping[str, Any] = field(default_factory=dict)


def test_frame(inputs: Inputs) -> pd.DataFrame:
    """The evaluated frame of the test rows, as the chosen candidate scored them."""
    return evaluated(inputs.scores[inputs.chosen], inputs.test, inputs.policy)


def gather(inputs: Inputs) -> dict[str, Any]:
    """The evidence as plain data, without NaN, in the order in which the report tells it."""
    policy, leaf_name, branch_name = inputs.policy, full_name(inputs.taxonomy), short_name(inputs.taxonomy)
    frame = test_frame(inputs)
    labels = inputs.training["category_id"].value_counts()
    training_labels = {str(one): int(count) for one, count in labels.items()}
    others = {
        name: frame if name == inputs.chosen else evaluated(scores, inputs.test, policy)
        for name, scores in inputs.scores.items()
    }
    found = {
        "metrics": _metrics(frame, others, inputs),
        "promise": promise(policy, branch_name),
        "glance": of_categories.figures(frame),
        "worth": worth(frame["weight"]),
        "by_seller": robustness.by_seller(frame),
        "curves": {
            "chosen": inputs.chosen,
            "candidates": {name: curves.curve_points(one) for name, one in others.items()},
            "perfect": curves.perfect_points(frame),
        },
        "price_of_accuracy": curves.price_of_accuracy(frame),
        "reliability": curves.reliability(frame),
        "quadrants": quadrants.quadrants(frame),
        "bands": quadrants.bands(frame),
        "review": quadrants.of_review(frame),
        "confusion": confusion.branch_confusion(frame, branch_name),
        "worst_pairs": confusion.worst_pairs(frame, leaf_name),
        "slices": slices(frame, branch_name),
        "robustness": _corruptions(inputs, frame),
        "unseen_sellers": _unseen_sellers(inputs),
        "unseen_categories": _unseen_categories(inputs, leaf_name),
        "rare": _rare(inputs, frame, training_labels),
        "categories": of_categories.categories(frame, training_labels, policy.always_review, leaf_name),
        "candidates": _candidates(inputs, others),
        "choice_reason": inputs.comparison.get("reason"),
        "split": dict(inputs.split),
        "calibration": dict(inputs.calibration),
        "validation": {name: inputs.validation.get(name) for name in ("passed", "evaluated", "warnings")},
    }
    plain = plain_data(found)
    assert isinstance(plain, dict)
    return plain


def full_name(taxonomy: Taxonomy) -> Callable[[str], str]:
    """Names from the branch down; an id that the tree no longer holds stands for itself."""
    return lambda category_id: taxonomy.full_name(category_id) if category_id in taxonomy else category_id


def short_name(taxonomy: Taxonomy) -> Callable[[str], str]:
    """The name of one category alone."""
    return lambda category_id: taxonomy.name(category_id) if category_id in taxonomy else category_id


def promise(policy: Policy, name_of: Callable[[str], str]) -> dict[str, Any]:
    """What the policy asks and what the calibration rows gave, for people."""
    return {
        "policy_id": policy.policy_id,
        "sentence": describe(policy),
        "kind": policy.kind,
        "level": policy.level,
        "target_accuracy": policy.target_accuracy,
        "confidence_level": policy.confidence_level,
        "certificate": policy.certificate,
        "automatic": policy.automatic,
        "certified": policy.automatic and policy.certificate is not None,
        "threshold": policy.threshold if policy.automatic else None,
        "branches": [
            {"branch_id": one, "name": "all other branches" if one == REST else name_of(one), "threshold": threshold}
            for one, threshold in policy.branch_thresholds.items()
        ],
        "branch_start": policy.branch_start,
        "branch_start_accuracy": policy.branch_start_accuracy,
        "clusters": policy.clusters,
        "always_review": len(policy.always_review),
        "expected": dict(policy.expected or {}),
    }


def _metrics(frame: pd.DataFrame, others: Mapping[str, pd.DataFrame], inputs: Inputs) -> dict[str, Any]:
    found = metrics(frame, inputs.policy, inputs.chosen, inputs.split.get("data_version"))
    if TITLE_CANDIDATE in others:
        titled = others[TITLE_CANDIDATE]
        found["title_branch_accuracy"] = round(share(titled["branch_right"], titled["weight"])["value"] or 0.0, 6)
    return found


def _corruptions(inputs: Inputs, clean: pd.DataFrame) -> list[dict[str, Any]]:
    if inputs.corrupted is None:
        return []
    frame = evaluated(inputs.corrupted, inputs.test, inputs.policy)
    frame["corruption"] = inputs.corrupted["corruption"].to_numpy()
    return robustness.corruptions(clean, frame)


def _unseen_sellers(inputs: Inputs) -> list[dict[str, Any]]:
    if inputs.unseen_sellers is None or inputs.unseen_sellers.empty:
        return []
    training = inputs.training
    out_of_fold = None if inputs.out_of_fold is None else evaluated(inputs.out_of_fold, training, inputs.policy)
    return robustness.unseen_sellers(evaluated(inputs.unseen_sellers, training, inputs.policy), out_of_fold)


def _unseen_categories(inputs: Inputs, name_of: Callable[[str], str]) -> dict[str, Any] | None:
    held_out = inputs.unseen_categories
    if held_out is None or held_out.empty:
        return None
    found = robustness.unseen_categories(evaluated(held_out, inputs.training, inputs.policy))
    for one in found["worst"]:
        one["name"] = name_of(one.pop("category_id"))
    return found


def _rare(inputs: Inputs, frame: pd.DataFrame, training_labels: Mapping[str, int]) -> dict[str, Any]:
    copies = {number: evaluated(scores, inputs.test, inputs.policy) for number, scores in inputs.copies.items()}
    return {
        "fewer_than": of_categories.RARE,
        "min_labels": inputs.min_labels,
        "copies_of_rare": inputs.copies_of_rare,
        "groups": of_categories.by_training_labels(frame, training_labels, inputs.min_labels, inputs.taxonomy.leaves),
        "effect_of_min_labels": of_categories.effect_of_min_labels(frame, inputs.policy, training_labels),
        "effect_of_copies": of_categories.effect_of_copies(copies, training_labels, inputs.policy.target_accuracy),
    }


def _candidates(inputs: Inputs, others: Mapping[str, pd.DataFrame]) -> list[dict[str, Any]]:
    known = {one["candidate"]: one for one in inputs.comparison.get("candidates", [])}
    target = inputs.policy.target_accuracy
    return [
        {
            **dict.fromkeys(FACTS_OF_CANDIDATES),
            **{key: value for key, value in known.get(name, {}).items() if key != "curve"},
            "candidate": name,
            "chosen": name == inputs.chosen,
            "test": {
                "accuracy_all": share(one["right"], one["weight"]),
                "coverage_at_target": coverage_at(target, one["confidence"], one["right"], one["weight"]),
                "gap": gap(one["confidence"], one["right"], one["weight"]),
            },
        }
        for name, one in others.items()
    ]


def plain_data(value: Any) -> Any:
    """`value` with plain Python numbers, lists and tables only, and null for what is not finite."""
    if isinstance(value, Mapping):
        return {str(key): plain_data(one) for key, one in value.items()}
    if isinstance(value, (list, tuple, np.ndarray, pd.Series)):
        return [plain_data(one) for one in value]
    if isinstance(value, np.generic):
        return plain_data(value.item())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value
