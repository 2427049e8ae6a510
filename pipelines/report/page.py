"""The report as one self-contained page: no request to elsewhere, light and dark, wide, narrow and printed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pipelines.report import words
from pipelines.report.rendering import environment

TEMPLATES = Path(__file__).parent / "templates"
SHOWN_SLICES = 12
SHOWN_CATEGORIES = 12
LEAST_ROWS = 10  # of a category among the worst: below, chance alone makes the order


def render(evidence: Mapping[str, Any], figures: Mapping[str, str]) -> str:
    """The page.

    Parameters
    ----------
    evidence : plain data
        As `aisle.decision.evidence.gathering.gather` gives it.
    figures : SVG texts by name
        As `pipelines.report.figures.draw` gives them.
    """
    templates = environment(TEMPLATES)
    for name in ("percent", "exact", "interval", "count", "figure", "candidate", "corruption"):
        templates.filters[name] = getattr(words, name)
    return templates.get_template("page.html.j2").render(
        e=evidence,
        figures=figures,
        style=(TEMPLATES / "page.css").read_text(encoding="utf-8"),
        script=(TEMPLATES / "page.js").read_text(encoding="utf-8"),
        weighted=evidence["worth"] < evidence["metrics"]["test_size"] - 0.5,
        hundred=words.of_hundred(evidence),
        verdict=words.verdict(evidence),
        against_target=words.against_target(evidence),
        shown_slices=shown_slices(evidence["slices"]),
        worst_categories=[one for one in evidence["categories"] if one["rows"] >= LEAST_ROWS][:SHOWN_CATEGORIES],
        least_rows=LEAST_ROWS,
        slices_from=floor(one[evidence["slices"]["tested"]] for one in shown_slices(evidence["slices"])),
        spoilt_from=floor(one["accuracy"] for one in evidence["robustness"]),
        split=split_facts(evidence["split"]),
        warnings=warnings(evidence["validation"]),
    )


def shown_slices(slices: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The worst slices: all that are significantly worse, and the lowest of the others up to a dozen."""
    found = list(slices["found"])
    worse = sum(bool(one["worse"]) for one in found)
    return found[: max(worse, SHOWN_SLICES)]


def floor(shares: Iterable[Mapping[str, Any]]) -> float:
    """Where the interval bars of a table start: a round share below all of its intervals."""
    lowest = min((one["low"] for one in shares if one["low"] is not None), default=0.0)
    return max(0.0, int(20 * lowest) / 20 - 0.05)


def split_facts(split: Mapping[str, Any]) -> dict[str, Any]:
    """The split as the page shows it: `roles`, a table, and `lines`, one sentence a fact that is known."""
    rare, weights = split.get("rare") or {}, split.get("weights") or {}
    reasons = [
        f"{words.count(rows)} {words.IDLE_REASONS.get(why, why.replace('_', ' '))}"
        for why, rows in (split.get("idle_reasons") or {}).items()
        if rows and why != "dropped"
    ]
    lines = [
        (split.get("regime"), "Training labels: regime “{}”."),
        (split.get("unlabelled"), "Products without a label: {:,}."),
        (split.get("dropped"), "Dropped from every role, because groups with different roles were merged: {:,}."),
        (
            split.get("idle"),
            "Labelled products that serve nowhere: {:,}" + (f" ({'; '.join(reasons)})." if reasons else "."),
        ),
        (split.get("straddling_titles"), "Titles in more than one role: {:,} (0 is right, save with official splits)."),
        (rare.get("without_rows"), "Categories without a training label, which the model never suggests: {:,}."),
        (rare.get("below_15"), "Categories with fewer than 15 training labels: {:,}."),
        (weights.get("effective_rows"), "Rows of equal weight that the training weights are worth: {:,.0f}."),
        (weights.get("clipped"), "Training weights that were clipped: {:,}."),
    ]
    known = ("rows", "categories", "sellers", "by_origin")
    return {
        "roles": {role: dict.fromkeys(known) | dict(facts) for role, facts in (split.get("roles") or {}).items()},
        "lines": [text.format(value) for value, text in lines if value is not None],
    }


def warnings(validation: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The warnings of the validation, each with its `text` and how many `rows` it concerns."""
    return [{"text": str(one.get("text", one)), "rows": one.get("rows")} for one in validation.get("warnings") or []]
