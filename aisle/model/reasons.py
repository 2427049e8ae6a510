"""Why an answer is unsure: the one circumstance that, were it as usual, would make it surest."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aisle.model.confidence import SIGNALS
from aisle.model.memory import KEYS
from aisle.model.reranker import SIGNAL_NAMES, Evidence, Reranker
from aisle.model.reranking import OWN_SIGNALS, scores_by
from aisle.model.scores import Known, Scores

SURE = 0.95  # an answer as sure as this needs no reason
_FEW = 20  # training products of a category, below which people would call them few
_CLOSE = 0.2  # of the top probability: a second category from here on is a rival
_OFTEN = 0.1  # of a category's answers: mistakes of one kind that people would call frequent
_SELLER_KEYS = ("seller", "breadcrumb", "seller_breadcrumb", "last_step")

# The circumstances, each with the signals that tell of it. Together they hold every signal of a
# candidate once, but for `unknown`: words that nobody saw take the other views' evidence away too.
_OF_VIEWS = [name for name in SIGNAL_NAMES if name.split("_")[0] in ("title", "description")]
_OF_LIKENESS = [name for name in SIGNAL_NAMES if name.split("_")[0] in ("like", "nearest")]
_OF_SELLER = [f"{key}_{kind}" for key in KEYS if key in _SELLER_KEYS for kind in ("share", "known")]
_OF_SUPPORT = ["support"]
_OF_HISTORY = ["taken_for", "precision", "recall"]
_OF_RIVALS = [
    name for name in SIGNAL_NAMES if name not in {*_OF_VIEWS, *_OF_LIKENESS, *_OF_SELLER, *_OF_SUPPORT, *_OF_HISTORY}
]
_OWN: dict[str, list[str]] = {
    "rivals": _OF_RIVALS,
    "views": _OF_VIEWS,
    "likeness": _OF_LIKENESS,
    "seller": _OF_SELLER,
    "support": _OF_SUPPORT,
    "history": _OF_HISTORY,
    "unknown": [*_OF_RIVALS, *_OF_VIEWS, *_OF_LIKENESS],
}
_OF_ALL: dict[str, list[str]] = {  # of `SIGNALS`, where there are no views
    "rivals": ["log_odds_top", "log_margin", "entropy", "log_odds_branch", "second_in_branch"],
    "support": ["log_support"],
    "unknown": ["log_odds_top", "log_margin", "entropy", "log_odds_branch", "unseen_share", "title_words"],
}
_DIRECT: dict[str, list[str]] = {"support": ["log_support"], "unknown": ["unseen_share", "title_words"]}
_OF_SIGNALS = {name: _DIRECT.get(name, []) for name in _OWN}  # of `SIGNALS`, which no view changes

Sure = Callable[[NDArray[np.float64]], NDArray[np.float64]]  # from signals to confidence


def typical_signals(
    signals: NDArray[np.float64], right: NDArray[np.bool_], confidence: NDArray[np.float64]
) -> NDArray[np.float64]:
    """The median of each signal among right answers that are no less sure than the middle one, shape (m,)."""
    if not right.any():
        return np.asarray(np.median(signals, axis=0))
    return np.asarray(np.median(signals[right & (confidence >= np.median(confidence[right]))], axis=0))


def confidence_if_usual(
    typical: NDArray[np.float64],
    sure: Sure,
    scores: Scores,
    known: Known,
    reranker: Reranker | None = None,
    evidence: Evidence | None = None,
) -> dict[str, NDArray[np.float64]]:
    """Confidence in each of n answers, were one circumstance as it is with right answers.

    The answer's own signals of the circumstance become typical ones, and with views those of the
    other candidates become what the least of them has; all that follows is computed again.

    Returns
    -------
    dict of circumstance to array of shape (n,)
    """
    rows = len(scores.best)
    if reranker is None or evidence is None:
        circumstances, changed, same = (
            _OF_ALL,
            [scores.signals] * len(_OF_ALL),
            np.ones(rows * len(_OF_ALL), dtype=bool),
        )
    else:
        circumstances = _OF_SIGNALS
        every = np.tile(np.arange(rows), len(_OWN))
        again = scores_by(_Shown(reranker, _altered(typical, scores, reranker, evidence)), evidence.only(every), known)
        changed = np.split(again.signals, len(_OWN))
        same = again.best[:, 0] == scores.best[every, 0]
    usual = [_as_usual(one, typical, names) for one, names in zip(changed, circumstances.values(), strict=True)]
    confidence = np.where(same, sure(np.concatenate(usual)), 0.0)
    return dict(zip(circumstances, np.split(confidence, len(circumstances)), strict=True))


def _altered(
    typical: NDArray[np.float64], scores: Scores, reranker: Reranker, evidence: Evidence
) -> NDArray[np.float32]:
    """Signals of the candidates with one circumstance after the other as usual, one below the other."""
    shown = reranker.signals(evidence)
    of_candidates = typical[len(SIGNALS) + len(OWN_SIGNALS) :].astype(np.float32)
    top = (evidence.candidates == scores.best[:, :1])[:, :, None]
    altered = []
    for names in _OWN.values():
        columns = [SIGNAL_NAMES.index(name) for name in names]
        other = shown.copy()
        other[:, :, columns] = np.where(top, of_candidates[columns], shown[:, -1:, columns])
        altered.append(other)
    return np.concatenate(altered)


def _as_usual(signals: NDArray[np.float64], typical: NDArray[np.float64], names: Sequence[str]) -> NDArray[np.float64]:
    columns = [SIGNALS.index(name) for name in names]
    changed = signals.copy()
    changed[:, columns] = typical[columns]
    return changed


class _Shown(Reranker):
    """A fitted re-ranker that is shown these signals, whatever the evidence."""

    def __init__(self, reranker: Reranker, shown: NDArray[np.float32]) -> None:
        super().__init__(reranker.seed)
        self.model_ = reranker.model_
        self.shown = shown

    def signals(self, evidence: Evidence) -> NDArray[np.float32]:
        return self.shown


@dataclass(frozen=True)
class Circumstances:
    """What is known of one unsure answer, as a sentence can say it.

    Attributes
    ----------
    best, probability : categories, best first, and theirs
    words : words of the title
    unseen_share : of the title's words
    support, usual_support : training products of the top category, and of usual right answers
    nearest : (category, similarity) of the most similar labelled product, or None
    usual_similarity : that of right answers; None where products are not compared
    breadcrumb, seller : category most often labelled under the same; None where it is new or not given
    by_title, by_description : what each says alone; None where it says nothing
    answered : out-of-fold products that were taken for the top category
    mistaken : (category, number) of those that were most often another one; None where none was
    """

    best: Sequence[str]
    probability: Sequence[float]
    words: int
    unseen_share: float
    support: int
    usual_support: float
    nearest: tuple[str, float] | None = None
    usual_similarity: float | None = None
    breadcrumb: str | None = None
    seller: str | None = None
    by_title: str | None = None
    by_description: str | None = None
    answered: int = 0
    mistaken: tuple[str, int] | None = None


def sentence(told: Circumstances, raised: Mapping[str, float], names: Mapping[str, str]) -> str:
    """In one sentence: of what is true of this answer, what would make it surest, were it as usual."""
    if told.words == 0:
        return "The title has no words"

    def name(category: str) -> str:
        return names.get(category, category)

    true = (_SAID[one](told, name) for one in sorted(raised, key=lambda one: -raised[one]))
    usual = f"Looks like {name(told.best[0])}, but less clearly than usual; {name(told.best[1])} comes next"
    return next((said for said in true if said), usual)


_Name = Callable[[str], str]


def _of_rivals(told: Circumstances, name: _Name) -> str | None:
    first, second, *others = [name(one) for one in told.best]
    top, next_, *rest = told.probability
    if next_ < top * _CLOSE:
        return None
    if others and rest[0] > next_ / 2:
        return f"Looks like several categories: {first}, {second} or {others[0]}"
    return f"Looks like two categories: {first} or {second}"


def _of_views(told: Circumstances, name: _Name) -> str | None:
    title, description = told.by_title, told.by_description
    if title is None or description is None or title == description == told.best[0]:
        return None
    if not {title, description} <= set(told.best):  # what is far off says nothing about this product
        return None
    if title == description:
        return f"The views disagree: title and description, each alone, say {name(title)}"
    if told.best[0] not in (title, description):
        return None
    return f"The views disagree: the title says {name(title)}, the description says {name(description)}"


def _of_likeness(told: Circumstances, name: _Name) -> str | None:
    if told.usual_similarity is None:
        return None
    if told.nearest is None or told.nearest[1] < told.usual_similarity / 2:
        return "Nothing similar was labelled before"
    category = told.nearest[0]
    return f"The most similar labelled product is in {name(category)}" if category != told.best[0] else None


def _of_seller(told: Circumstances, name: _Name) -> str | None:
    if told.breadcrumb is not None and told.breadcrumb != told.best[0]:
        return f"The seller's own category says {name(told.breadcrumb)}"
    if told.seller is not None and told.seller != told.best[0]:
        return f"This seller's products are mostly {name(told.seller)}"
    return None


def _of_support(told: Circumstances, name: _Name) -> str | None:
    if told.support >= min(_FEW, told.usual_support / 2):
        return None
    return f"Few labelled products of this category: {told.support} of {name(told.best[0])}"


def _of_history(told: Circumstances, name: _Name) -> str | None:
    if told.mistaken is None or told.mistaken[1] < max(_OFTEN * told.answered, 3):
        return None
    other, times = told.mistaken
    return f"What looked like {name(told.best[0])} was often {name(other)} ({times} of {told.answered} times)"


def _of_unknown(told: Circumstances, name: _Name) -> str | None:
    return "Most words of the title are unknown" if told.unseen_share > 0.5 else None


_SAID: dict[str, Callable[[Circumstances, Any], str | None]] = {
    "rivals": _of_rivals,
    "views": _of_views,
    "likeness": _of_likeness,
    "seller": _of_seller,
    "support": _of_support,
    "history": _of_history,
    "unknown": _of_unknown,
}
