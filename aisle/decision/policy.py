"""The policy: which products a machine decides, and which go to people. `docs/policy.md` explains each field."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aisle.config import Clusters, Level
from aisle.errors import DataError
from aisle.files import read_json, write_json

if TYPE_CHECKING:
    import pandas as pd

REST = "rest"
ALMOST_CERTAINLY_WRONG, ALMOST_SURELY_RIGHT = 0.10, 0.95
_OUTER_BANDS = ["almost certainly wrong", "almost surely right"]
_EXPECTED = ("coverage", "coverage_low", "coverage_high", "accuracy", "accuracy_low", "accuracy_high", "rows")
_SHARES_OR_NULL = ("threshold", "branch_start", "branch_start_accuracy")


@dataclass(frozen=True)
class Policy:
    """A rule that turns confidence into a decision, with what it promises and on what evidence.

    Attributes
    ----------
    kind : 'target_accuracy', 'coverage' or 'cost'
    target_accuracy, confidence_level : float in (0, 1)
        What was asked for. Only a policy with a certificate promises it; `confidence_level`
        also holds for `branch_start`, and for both together.
    certificate : 'holdout' or None
        'holdout': accuracy among products decided automatically is at least `target_accuracy`
        with probability at least `confidence_level`, for products exchangeable with the
        calibration rows.
    threshold : float in [0, 1] or None
        Decide automatically where confidence ≥ threshold; None: never. Also None where
        `branch_thresholds` says it branch by branch.
    branch_thresholds : mapping of branch id to float or None
        Empty, or one threshold a branch; `rest` stands for all branches not named.
    always_review : tuple of category ids
        Categories (branches, at level 'branch') with too few labels; products suggested for them
        go to people at any confidence.
    expected : mapping
        For products like the calibration rows: `coverage` and `accuracy`, each with a 95 %
        interval (`…_low`, `…_high`; the accuracy's null where nothing is accepted), `rows`,
        `cost_per_product` with its interval for kind 'cost', and with a branch start
        `start_coverage` (share of all products) and `start_accuracy` with its interval.
    level : 'leaf' or 'branch'
        What a decision names: a category, or a branch alone. All confidences and thresholds
        above are those of what it names.
    branch_start : float in [0, 1] or None
        Level 'leaf': a product under review is handed over with its branch, so that the person
        starts there, where its branch confidence ≥ this; None: never.
    branch_start_accuracy : float in (0, 1) or None
        Share right among the branches handed over that is promised; None without `branch_start`.
    clusters : 'none' or 'seller'
        What the promises count: calibration rows one by one, or whole sellers.
    policy_id : str
        12 hexadecimal digits: the hash of all the rest.
    """

    kind: Literal["target_accuracy", "coverage", "cost"]
    target_accuracy: float
    confidence_level: float
    certificate: Literal["holdout"] | None
    threshold: float | None
    branch_thresholds: Mapping[str, float | None] = field(default_factory=dict)
    always_review: tuple[str, ...] = ()
    expected: Mapping[str, float | int | None] = field(default_factory=dict)
    level: Level = "leaf"
    branch_start: float | None = None
    branch_start_accuracy: float | None = None
    clusters: Clusters = "none"
    policy_id: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "policy_id", _identity(self.to_dict()))

    @property
    def automatic(self) -> bool:
        """Whether any product can be decided automatically."""
        return bool(self._thresholds)

    @property
    def _thresholds(self) -> list[float]:
        return [one for one in (self.threshold, *self.branch_thresholds.values()) if one is not None]

    @property
    def confidence_column(self) -> str:
        """The column of a score frame that thresholds are held against: how sure what a decision names is."""
        return "confidence" if self.level == "leaf" else "branch_confidence"

    def threshold_for(self, branch_id: str | None) -> float | None:
        """The threshold of a branch, in [0, 1]; None sends all its products to people."""
        if not self.branch_thresholds:
            return self.threshold
        known = branch_id if branch_id is not None and branch_id in self.branch_thresholds else REST
        return self.branch_thresholds.get(known)

    def decide(
        self, confidence: ArrayLike, category_id: Iterable[str | None], branch_id: Iterable[str | None]
    ) -> NDArray[np.str_]:
        """'auto' or 'review' for each product.

        Parameters
        ----------
        confidence : array-like of shape (n,), in [0, 1]
            Of what a decision names: see `confidence_column`. A product whose confidence is not
            a number goes to review.
        category_id, branch_id : iterables of length n
            The category and the branch that the model suggests.
        """
        return np.where(self.accepts(confidence, category_id, branch_id), "auto", "review")

    def accepts(
        self, confidence: ArrayLike, category_id: Iterable[str | None], branch_id: Iterable[str | None]
    ) -> NDArray[np.bool_]:
        """Truth values of shape (n,): the products that `decide` answers with 'auto'."""
        branches = list(branch_id)
        held_back = frozenset(self.always_review)
        allowed = np.array([one not in held_back for one in (category_id, branches)[self.level == "branch"]], bool)
        enough: NDArray[np.bool_] = np.asarray(confidence, dtype=np.float64) >= self.limits(branches)
        return allowed & enough

    def starts(
        self,
        confidence: ArrayLike,
        category_id: Iterable[str | None],
        branch_id: Iterable[str | None],
        branch_confidence: ArrayLike,
    ) -> NDArray[np.bool_]:
        """Truth values of shape (n,): products under review that a person starts in the suggested branch.

        With a threshold a branch, products at or above the lowest of them are handed over
        without a branch: what is promised was tested below it.
        """
        categories, branches = list(category_id), list(branch_id)
        if self.branch_start is None:
            return np.zeros(len(branches), dtype=bool)
        held_back = frozenset(self.always_review)
        always = np.array([one in held_back for one in categories], dtype=bool)
        unsure = ~(np.asarray(confidence, dtype=np.float64) >= self.start_below)
        certain = np.asarray(branch_confidence, dtype=np.float64) >= self.branch_start
        handed_over: NDArray[np.bool_] = (always | unsure) & certain
        return handed_over & ~self.accepts(confidence, categories, branches)

    @property
    def start_below(self) -> float:
        """Products below this confidence are never automatic: the lowest threshold, infinite without any."""
        return min(self._thresholds, default=math.inf)

    def limits(self, branch_id: Iterable[str | None]) -> NDArray[np.float64]:
        """The threshold of each product's branch, shape (n,); infinite where all go to people."""
        branches = list(branch_id)
        if not self.branch_thresholds:
            return np.full(len(branches), math.inf if self.threshold is None else self.threshold)
        thresholds = {one: self.threshold_for(one) for one in set(branches)}
        limit = {one: math.inf if threshold is None else threshold for one, threshold in thresholds.items()}
        return np.array([limit[one] for one in branches], dtype=np.float64)

    def to_dict(self) -> dict[str, Any]:
        """The policy as plain data, without its `policy_id`."""
        content = {one.name: getattr(self, one.name) for one in fields(self) if one.name != "policy_id"}
        plain: dict[str, Any] = {
            name: dict(value) if isinstance(value, Mapping) else list(value) if isinstance(value, tuple) else value
            for name, value in content.items()
        }
        return plain


@overload
def trust_band(confidence: float) -> str: ...
@overload
def trust_band(confidence: NDArray[np.float64] | pd.Series[float]) -> NDArray[np.str_]: ...
def trust_band(confidence: ArrayLike | pd.Series[float]) -> str | NDArray[np.str_]:
    """A word for people beside a confidence in [0, 1]; decisions come from the threshold alone.

    Of an array of shape (n,), an array of n words.
    """
    value = np.asarray(confidence, dtype=np.float64)
    bands = np.select([value <= ALMOST_CERTAINLY_WRONG, value >= ALMOST_SURELY_RIGHT], _OUTER_BANDS, "unsure")
    return str(bands) if bands.ndim == 0 else bands


def _identity(content: Mapping[str, Any]) -> str:
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(canonical.encode()).hexdigest()[:12]


def write_policy(policy: Policy, path: Path | str) -> None:
    """Write `policy` as JSON in the form of `docs/policy.schema.json`, atomically."""
    write_json(path, {"policy_id": policy.policy_id, **policy.to_dict()})


def read_policy(path: Path | str) -> Policy:
    """Read a policy that `write_policy` wrote.

    Raises
    ------
    DataError
        For a file that is not there, is no policy, or was changed after it was written.
    """
    path = Path(path)
    if not path.exists():
        raise DataError(f"{path}: no policy there yet; run `dvc repro threshold`")
    content = read_json(path)
    _check_form(content, path)
    identity = content.pop("policy_id")
    if _identity(content) != identity:
        raise DataError(
            f"{path}: the content does not belong to policy_id {identity}, so it was changed after the threshold was "
            "chosen; change params.yaml and run `dvc repro threshold` instead"
        )
    return Policy(**{**content, "always_review": tuple(content["always_review"])})


def _check_form(content: Any, path: Path) -> None:
    if not isinstance(content, dict):
        raise DataError(f"{path}: a policy is a JSON object; run `dvc repro threshold` to write it again")
    names = {one.name for one in fields(Policy)}
    for problem, found in (("lacks", names - content.keys()), ("does not know", content.keys() - names)):
        if found:
            raise DataError(f"{path}: a policy {problem} {', '.join(sorted(found))}; run `dvc repro threshold` again")
    forms: dict[str, Any] = {
        "kind": content["kind"] in ("target_accuracy", "coverage", "cost"),
        "level": content["level"] in ("leaf", "branch"),
        "clusters": content["clusters"] in ("none", "seller"),
        "certificate": content["certificate"] in ("holdout", None),
        "target_accuracy": _is_share(content["target_accuracy"]),
        "confidence_level": _is_share(content["confidence_level"]),
        **{name: content[name] is None or _is_share(content[name]) for name in _SHARES_OR_NULL},
        "branch_thresholds": isinstance(content["branch_thresholds"], dict)
        and all(one is None or _is_share(one) for one in content["branch_thresholds"].values()),
        "always_review": isinstance(content["always_review"], list)
        and all(isinstance(one, str) for one in content["always_review"]),
        "expected": isinstance(content["expected"], dict) and all(name in content["expected"] for name in _EXPECTED),
    }
    wrong = [name for name, fits in forms.items() if not fits]
    if wrong:
        raise DataError(f"{path}: {', '.join(wrong)} is not as docs/policy.schema.json says; run `dvc repro threshold`")


def _is_share(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= 1
