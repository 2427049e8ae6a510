"""The words and number forms of the report: what a reader without a statistics book can read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

NOTHING = "–"
CANDIDATES = {
    "hashed_network": "hashed words, neural network",
    "naive_bayes": "naive Bayes",
    "linear_title": "linear, title",
    "linear_fields": "linear, all fields",
    "linear_tree": "linear, tree",
    "reranked": "several views, re-ranked",
}
CORRUPTIONS = {
    "clean": "as they are",
    "cut_19": "cut to 19 characters",
    "cut_30": "cut to 30 characters",
    "vowels_dropped": "vowels dropped",
    "misspelt": "one misspelling a word",
    "capitals": "all capitals",
    "shuffled": "words shuffled",
    "last_word_missing": "last word missing",
    "title_only": "nothing but the title",
}

IDLE_REASONS = {
    "unknown_product": "of products that are not in the tables",
    "audit_without_probability": "audited with a probability that nobody noted",
    "outside_regime": "for training, with labels that the regime leaves out",
    "no_random_label": "for calibration or test, without a random label",
    "unknown_revision": "of a revision that is not in the tables",
}


def percent(value: float | None, digits: int = 1) -> str:
    """`0.9641` as `96.4 %`; a dash where there is no figure."""
    return NOTHING if value is None else f"{100 * value:.{digits}f} %"


def exact(value: float) -> str:
    """A share that somebody chose, never rounded away: `0.975` as `97.5 %`."""
    return f"{100 * value:.6g} %"


def interval(share: Mapping[str, Any] | None, digits: int = 1) -> str:
    """The interval of a share, as `95.1–97.4 %`; empty where there is none."""
    if share is None or share.get("low") is None:
        return ""
    return f"{100 * share['low']:.{digits}f}–{100 * share['high']:.{digits}f} %"


def count(value: float | None) -> str:
    """`2104` as `2,104`; a dash where there is no figure."""
    return NOTHING if value is None else f"{value:,.0f}"


def figure(value: float | None, digits: int = 3) -> str:
    """A figure without unit; a dash where there is none."""
    return NOTHING if value is None else f"{value:.{digits}f}"


def candidate(name: str) -> str:
    """A candidate, for people."""
    return CANDIDATES.get(name, name.replace("_", " "))


def corruption(name: str) -> str:
    """A corruption of titles, for people."""
    return CORRUPTIONS.get(name, name.replace("_", " "))


def of_hundred(evidence: Mapping[str, Any]) -> dict[str, int]:
    """100 products as whole numbers: decided automatically and right, automatically and wrong, to people.

    They always sum to 100; what is there at all is never rounded away to nothing.
    """
    sizes = {(one["decision"], one["right"]): one["of_all"]["value"] or 0.0 for one in evidence["quadrants"]}
    wrong = _at_least_one(sizes["auto", False])
    people = _at_least_one(sizes["review", True] + sizes["review", False])
    return {"right": 100 - wrong - people, "wrong": wrong, "people": people}


def _at_least_one(share: float) -> int:
    return 0 if share <= 0 else max(1, round(100 * share))


def verdict(evidence: Mapping[str, Any]) -> dict[str, str]:
    """In one word and one sentence: may the machine decide alone? `state` is certified, open or off."""
    promise = evidence["promise"]
    target, sure = exact(promise["target_accuracy"]), exact(promise["confidence_level"])
    decided = "decided" if promise["level"] == "leaf" else "put into a branch"
    if promise["certified"]:
        return {
            "state": "certified",
            "word": "Certified",
            "text": f"The calibration products show, with a probability of at least {sure}, that at least {target} of "
            f"what is {decided} automatically is right.",
        }
    if promise["automatic"]:
        return {
            "state": "open",
            "word": "Not certified",
            "text": f"The policy is “{promise['kind'].replace('_', ' ')}”: it decides how much is automatic, and "
            "promises no accuracy. The accuracy below was measured; nothing guards it.",
        }
    return {
        "state": "off",
        "word": "Automation is off",
        "text": promise["sentence"],
    }


def against_target(evidence: Mapping[str, Any]) -> str:
    """What the test rows alone say of the target accuracy, in one sentence; empty where it does not apply."""
    promise, accuracy = evidence["promise"], evidence["glance"]["accuracy"]
    if promise["kind"] != "target_accuracy" or accuracy["value"] is None:
        return ""
    target = promise["target_accuracy"]
    if accuracy["low"] >= target:
        return "The test products confirm it: even the lower end of the interval keeps the target."
    if accuracy["high"] < target:
        return (
            "The test products speak against it: even the upper end of the interval misses the target. Do not promote."
        )
    if accuracy["value"] >= target:
        return "The test products agree with it, though alone they would be too few to prove it."
    return "The test products lie a little below the target, within what chance explains; watch the audits."
