"""Why an answer is as it is: words and fields for and against, labelled products like it, and what makes it unsure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from aisle.catalogue.columns import Products, some_rows
from aisle.errors import DataError, ModelError
from aisle.model.categorizer import Categorizer
from aisle.model.classifiers import SparseLinear, TreeClassifier
from aisle.model.confidence import SIGNALS
from aisle.model.contributions import Contribution, contributions
from aisle.model.memory import Memory
from aisle.model.reasons import SURE, Circumstances, confidence_if_usual, sentence
from aisle.model.reranker import SIGNAL_NAMES
from aisle.model.reranking import evidence_of, scores_by
from aisle.model.scores import Known, Scores, scores_of
from aisle.model.text import Features, ProductText, field
from aisle.model.views import MACHINES, Labelled, Views

_HARDLY = 0.02  # of the strongest voice: weaker ones are not worth a person's time
_SHOWN = 12  # voices for, and against, at most


@dataclass(frozen=True)
class Explanation:
    """Why one product was put where it was.

    Attributes
    ----------
    category_id, confidence : the answer
    rival_id : second category, against which the words and fields are weighed
    spoke_for, spoke_against : lists of Contribution (field, text, contribution), the strongest first
        Against: contributions below 0, which speak for the rival. Empty where the model has no
        coefficients for words.
    nearest : list of Labelled (product_id, title, category_id, similarity), the most similar first
        Empty where the model compares no products.
    reason : one sentence on what makes the answer unsure; None where the confidence is at least 0.95
    """

    category_id: str
    confidence: float
    rival_id: str
    spoke_for: list[Contribution]
    spoke_against: list[Contribution]
    nearest: list[Labelled]
    reason: str | None

    def record(self) -> dict[str, Any]:
        """The same as plain values, for JSON."""
        listed = {
            name: [one._asdict() for one in getattr(self, name)] for name in ("spoke_for", "spoke_against", "nearest")
        }
        return {name: listed.get(name, getattr(self, name)) for name in self.__dataclass_fields__}


def explain(
    categorizer: Categorizer, products: Products, names: Mapping[str, str] | None = None, neighbours: int = 3
) -> list[Explanation]:
    """Explain the answers to n products, in the order given; meant for a handful at a time.

    Parameters
    ----------
    categorizer : fitted
    products : frame with a column title; the other columns of a product may be missing or null
    names : of categories, for the sentence; ids where not given
    neighbours : labelled products shown of each

    Raises
    ------
    DataError
        For a frame without titles.
    ModelError
        For a model that was made before there were explanations.
    """
    check_is_fitted(categorizer, "calibration_")
    if "title" not in products.columns:
        raise DataError("products to explain have no column title; every product needs one")
    _require_what_explains(categorizer)
    if not len(products):
        return []
    known = Known(categorizer.classes_, categorizer.support_, categorizer.branch_index_, len(categorizer.branches_))

    def sure(signals: NDArray[np.float64]) -> NDArray[np.float64]:
        return categorizer.calibration_(categorizer.confidence_.predict_right(signals))

    classifier, reranker, evidence, features = categorizer.classifier_, categorizer.reranker_, None, None
    if reranker is not None:
        features = classifier.text_.features(products)
        evidence = evidence_of(classifier, products, known, features)
        scores = scores_by(reranker, evidence, known)
    else:
        scores = scores_of(classifier, products, known, categorizer.temperature_)
    confidence = sure(scores.signals)
    raised: dict[str, NDArray[np.float64]] = {}
    if (confidence < SURE).any():
        raised = confidence_if_usual(categorizer.typical_, sure, scores, known, reranker, evidence)
    nearest: list[list[Labelled]] = [[] for _ in range(len(products))]
    if reranker is not None:
        nearest = classifier.nearest(products, neighbours, features)
    told = _circumstances(categorizer, products, scores, nearest, features)
    voices = _voices(classifier, products, scores, features)
    explained = []
    for row, (own, said) in enumerate(zip(told, voices, strict=True)):
        spoke_for, spoke_against = _worth_showing(said)
        unsure = confidence[row] < SURE
        of_row = {name: float(values[row]) for name, values in raised.items()}
        explained.append(
            Explanation(
                category_id=own.best[0],
                confidence=float(confidence[row]),
                rival_id=own.best[1],
                spoke_for=spoke_for,
                spoke_against=spoke_against,
                nearest=nearest[row],
                reason=sentence(own, of_row, names or {}) if unsure else None,
            )
        )
    return explained


def _require_what_explains(categorizer: Categorizer) -> None:
    views = categorizer.classifier_
    if not hasattr(categorizer, "typical_") or (isinstance(views, Views) and not hasattr(views, "labelled_")):
        raise ModelError("this model was made before answers could be explained; run `dvc repro` to make it again")


def _voices(classifier: Any, products: Products, scores: Scores, features: Features | None) -> list[list[Contribution]]:
    """Words and fields of each product, weighed between its two best categories."""
    category, rival = scores.best[:, 0], scores.best[:, 1]
    if isinstance(classifier, Views):
        if "fields" not in classifier.machines_:
            return [[] for _ in range(len(products))]
        return contributions(classifier.text_, classifier.machines_["fields"], products, category, rival, features)
    if isinstance(classifier, Pipeline) and isinstance(classifier[0], ProductText):
        text, machine = classifier[0], classifier[-1]
        if isinstance(machine, SparseLinear):
            return contributions(text, machine, products, category, rival)
        if isinstance(machine, TreeClassifier):
            return _voices_in_tree(text, machine, products, category, rival)
    return [[] for _ in range(len(products))]


def _voices_in_tree(
    text: ProductText,
    tree: TreeClassifier,
    products: Products,
    category: NDArray[np.intp],
    rival: NDArray[np.intp],
) -> list[list[Contribution]]:
    """Those of the node where the two categories part: the tree's top, or the inside of their branch."""
    found = []
    for row in range(len(products)):
        pair = np.array([category[row], rival[row]])
        branches = tree.branch_index_[pair]
        if branches[0] == branches[1]:
            machine = tree.inside_[str(branches[0])]
            pair = np.searchsorted(machine.classes_, tree.classes_[pair])
        else:
            machine, pair = tree.top_, branches
        found += contributions(text, machine, some_rows(products, row, row + 1), pair[:1], pair[1:])
    return found


def _worth_showing(said: list[Contribution]) -> tuple[list[Contribution], list[Contribution]]:
    least = _HARDLY * max((abs(one.contribution) for one in said), default=0.0)
    loud = [one for one in said if abs(one.contribution) > least and any(letter.isalnum() for letter in one.text)]
    spoke_for = [one for one in loud if one.contribution > 0]
    spoke_against = [one for one in reversed(loud) if one.contribution < 0]
    return spoke_for[:_SHOWN], spoke_against[:_SHOWN]


def _circumstances(
    categorizer: Categorizer,
    products: Products,
    scores: Scores,
    nearest: list[list[Labelled]],
    features: Features | None,
) -> list[Circumstances]:
    classes, views = categorizer.classes_, categorizer.classifier_
    none: list[str | None] = [None] * len(products)
    said: dict[str, list[str | None]] = dict.fromkeys(("breadcrumb", "seller", "by_title", "by_description"), none)
    usual_similarity = None
    if isinstance(views, Views):
        said = _said_by_views(views, products, features)
        if "words" in views.neighbours_:
            place = SIGNAL_NAMES.index("nearest_words") - len(SIGNAL_NAMES)
            usual_similarity = float(categorizer.typical_[place])
    signal = {name: scores.signals[:, SIGNALS.index(name)] for name in ("unseen_share", "title_words")}
    mistakes = _mistakes(categorizer, scores.best[:, 0])
    usual_support = float(np.expm1(categorizer.typical_[SIGNALS.index("log_support")]))
    return [
        Circumstances(
            best=[str(one) for one in classes[scores.best[row]]],
            probability=scores.probability[row].tolist(),
            words=round(float(np.expm1(signal["title_words"][row]))),
            unseen_share=float(signal["unseen_share"][row]),
            support=int(categorizer.support_[scores.best[row, 0]]),
            usual_support=usual_support,
            nearest=(nearest[row][0].category_id, nearest[row][0].similarity) if nearest[row] else None,
            usual_similarity=usual_similarity,
            answered=mistakes[row][0],
            mistaken=mistakes[row][1],
            breadcrumb=said["breadcrumb"][row],
            seller=said["seller"][row],
            by_title=said["by_title"][row],
            by_description=said["by_description"][row],
        )
        for row in range(len(products))
    ]


def _said_by_views(views: Views, products: Products, features: Features | None) -> dict[str, list[str | None]]:
    """What the seller's habits, the title and the description say, each alone; None where it says nothing."""

    def labelled_under(memory: Memory) -> list[str | None]:
        counts = memory.counts(products)
        top, total = counts.argmax(axis=1), counts.sum(axis=1)
        most = counts[np.arange(len(counts)), top] > total / 2
        return [str(views.classes_[one]) if yes else None for one, yes in zip(top, most, strict=True)]

    paths, last_steps = (labelled_under(views.memories_[key]) for key in ("breadcrumb", "last_step"))
    return {
        "breadcrumb": [path or step for path, step in zip(paths, last_steps, strict=True)],
        "seller": labelled_under(views.memories_["seller"]),
        "by_title": _said_alone(views, "title", products, features),
        "by_description": _said_alone(views, "description", products, features),
    }


def _said_alone(views: Views, name: str, products: Products, features: Features | None) -> list[str | None]:
    if name not in views.machines_:
        return [None] * len(products)
    features = views.text_.features(products) if features is None else features
    margins = views.machines_[name].margins(features.of(MACHINES[name]))
    said = zip(margins.argmax(axis=1), field(products, name), strict=True)
    return [str(views.classes_[one]) if text.strip() else None for one, text in said]


def _mistakes(categorizer: Categorizer, top: NDArray[np.intp]) -> list[tuple[int, tuple[str, int] | None]]:
    """How many products looked like each top category out of fold, and the other one that most of those were."""
    if categorizer.reranker_ is None:
        return [(0, None)] * len(top)
    met = categorizer.reranker_.confusion_[top].toarray()
    answered = met.sum(axis=1)
    met[np.arange(len(top)), top] = 0
    found: list[tuple[int, tuple[str, int] | None]] = []
    for total, row in zip(answered, met, strict=True):
        other = int(row.argmax())
        found.append((int(total), (str(categorizer.classes_[other]), int(row[other])) if row[other] else None))
    return found
