"""The model card: what a reviewer reads on the page of a model version, in Markdown."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aisle.decision.describing import describe
from aisle.decision.gate import Verdict
from aisle.decision.wear import Wear
from pipelines.report import words
from pipelines.report.rendering import environment

if TYPE_CHECKING:
    from pipelines.registry.graph import GraphFiles

SHOWN_SLICES = 5
MAX_CHARACTERS = 5000  # what every database behind MLflow can hold
_KINDS = {"target_accuracy": "a target accuracy", "coverage": "a fixed coverage", "cost": "the lowest total cost"}


def model_card(graph: GraphFiles, verdict: Verdict, champion: str | None, wear: Wear) -> str:
    """The card of the version that `graph` registers.

    Parameters
    ----------
    verdict : Verdict
        What the gate said.
    champion : str or None
        The version that the gate compared with.
    wear : Wear
        How often thresholds were chosen on these calibration rows, and when fresh ones are due.

    Returns
    -------
    str
        At most `MAX_CHARACTERS`; fewer slices are shown where it would be longer.
    """
    for shown in range(SHOWN_SLICES, -1, -1):
        card = _render(graph, verdict, champion, wear, shown)
        if len(card) <= MAX_CHARACTERS:
            return card
    return card[: MAX_CHARACTERS - 2] + "…\n"


def headline(metrics: Mapping[str, Any], policy_kind: str) -> str:
    """One sentence: may this model decide alone, and what does it promise?"""
    named = "decided automatically" if metrics.get("level", "leaf") == "leaf" else "put into a branch automatically"
    if metrics["accuracy"] is None:
        return "Automation is off: no threshold keeps what was asked for, so every product goes to people."
    target, level = words.percent(metrics["target_accuracy"], 0), words.percent(metrics["confidence_level"], 0)
    if metrics["certified"]:
        return f"Certified: at least {target} right among products {named}, with {level} confidence."
    return f"Not certified: the policy asks for {_KINDS[policy_kind]}, and promises no accuracy."


def _render(graph: GraphFiles, verdict: Verdict, champion: str | None, wear: Wear, shown: int) -> str:
    # Not escaped: Markdown, which MLflow itself makes safe before it shows it.
    templates = environment(Path(__file__).parent, autoescape=False)
    templates.filters.update(percent=words.percent, count=words.count, cell=_cell)
    evidence = graph.evidence
    slices = evidence.get("slices") or {"tested": "accuracy", "found": []}
    return templates.get_template("model_card.md.j2").render(
        headline=headline(graph.metrics, graph.policy.kind),
        metrics=graph.metrics,
        threshold=_threshold(graph.metrics, graph.policy.branch_thresholds),
        weighted=graph.test["weight"].nunique() > 1,
        verdict=verdict,
        gate_words=gate_words(verdict, champion),
        policy_sentence=describe(graph.policy),
        used=wear.used(),
        fresh=_sentence(wear.when(wear.youngest or datetime.date.min)),
        by_branch=graph.policy.level == "branch",
        by_clusters=graph.policy.clusters == "seller",
        start=_start(graph),
        by_seller=evidence.get("by_seller"),
        data_version=graph.data_version,
        git_commit=graph.git_commit or "no commit",
        git_dirty=graph.git_dirty,
        regime=graph.parameters.train.regime,
        candidate=graph.candidate,
        candidate_words=words.candidate(graph.candidate),
        chosen_why=graph.comparison["reason"],
        policy_id=graph.policy.policy_id,
        policy_kind=_KINDS[graph.policy.kind],
        slices=[_slice(one, slices["tested"]) for one in slices["found"][:shown]],
        slices_looked_at=slices.get("looked_at", len(slices["found"])),
        slices_worse=sum(bool(one["worse"]) for one in slices["found"]),
        slices_tested="right among automatic" if slices["tested"] == "accuracy" else "right over all",
        unseen=_value((evidence.get("unseen_categories") or {}).get("to_people")),
        unseen_sellers=_behaviour(next(iter(evidence.get("unseen_sellers") or []), None)),
        corrupted=_hardest(evidence.get("robustness") or []),
        always_review=len(graph.policy.always_review),
    )


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:]


def _start(graph: GraphFiles) -> dict[str, Any] | None:
    """What the test rows say of the branches that people start in; None where there are none."""
    review = graph.evidence.get("review")
    if graph.policy.branch_start is None or review is None:
        return None
    return {"of": _value(review["started"]), **review["started_right"], "promised": graph.policy.branch_start_accuracy}


def gate_words(verdict: Verdict, champion: str | None) -> str:
    """The gate's result for people, with the version that it compared with."""
    if verdict.result == "no_champion":
        return "no champion to compare with"
    against = f"against champion version {champion}" if champion else "without a champion to compare with"
    return f"{verdict.result} {against}"


def _threshold(metrics: Mapping[str, Any], branches: Mapping[str, Any]) -> str:
    if branches:
        return f"one a branch ({sum(one is not None for one in branches.values())} of {len(branches)} are automatic)"
    return "none: everything goes to people" if metrics["threshold"] is None else f"{metrics['threshold']:.4f}"


def _slice(found: Mapping[str, Any], tested: str) -> dict[str, Any]:
    return {"kind": found["kind"], "name": found["name"], "worse": found["worse"], **found[tested]}


def _behaviour(found: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Coverage and accuracy of a row of evidence; None where nothing of it is automatic."""
    if found is None or _value(found["accuracy"]) is None:
        return None
    return {"coverage": _value(found["coverage"]), "accuracy": _value(found["accuracy"])}


def _hardest(robustness: list[dict[str, Any]]) -> dict[str, Any] | None:
    """The corruption of titles that costs most accuracy among what is still decided automatically."""
    hit = [one for one in robustness if one["corruption"] != "clean" and _behaviour(one)]
    if not hit:
        return None
    worst = min(hit, key=lambda one: one["accuracy"]["value"])
    return {"name": words.corruption(worst["corruption"]), **(_behaviour(worst) or {})}


def _value(share: Mapping[str, Any] | None) -> float | None:
    return None if share is None else share["value"]


def _cell(text: object) -> str:
    """A text that may stand in a cell of a table: sellers may call themselves anything."""
    plain = " ".join(str(text).split())[:60]
    return "".join(f"\\{letter}" if letter in r"\`*_[]<>|#!~$" else letter for letter in plain)
