"""All signs of a loop together, and the colour that they come to; the rule stands in `aisle.audit.loop`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from aisle.audit.agreement import Share
from aisle.audit.blame import answered_audits
from aisle.audit.estimates import Estimate
from aisle.audit.loop import measuring
from aisle.audit.loop.measuring import Sign
from aisle.audit.loop.trends import Growing
from aisle.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

LEVEL = 0.05
TESTS = 4  # illusion, trend, growing, shown
Colour = Literal["green", "yellow", "red", "unknown"]


@dataclass(frozen=True)
class Signs:
    """All signs, and what they come to together (see the module for the rule)."""

    signs: tuple[Sign, ...]
    colour: Colour
    text: str
    apparent: Share
    audited: Estimate
    growing: tuple[Growing, ...] = ()

    def of(self, name: str) -> Sign:
        """The sign of this name."""
        return next(one for one in self.signs if one.name == name)


def signs(
    rows: pd.DataFrame,
    labels: pd.DataFrame,
    target: float,
    reference: pd.DataFrame | None = None,
    training: Mapping[str, Any] | None = None,
    level: float = LEVEL,
    alarmed: bool = False,
) -> Signs:
    """Signs of a loop in the rows of a window.

    Parameters
    ----------
    rows : DataFrame
        One row a prediction: `product_id, day, decision, category_id, confidence, audit_probability, state` (a place in
        `aisle.audit.estimates.STATES`, −1 not drawn).
    labels : DataFrame
        The labels table, all or those of the window: `product_id, category_id, origin, status,
        suggested_category_id, labelled_at`.
    target : float in (0, 1)
        The promised accuracy.
    reference : DataFrame, optional
        The champion's held-out frame: `category_id`, `decision`, perhaps `weight`. Without it the first half of the
        window's days stands for what was before.
    training : mapping, optional
        `by_origin`: how many of the champion's training labels came from where.
    level : float in (0, 1)
        Share of healthy windows with any sign by chance, at most.
    alarmed : bool
        Whether the alarm on the error, which may be asked every day, rang (`aisle.audit.alarms`); without it an
        illusion is yellow.

    Raises
    ------
    DataError
        For a missing column.
    """
    for frame, columns, what in (
        (rows, ("product_id", "day", "decision", "category_id", "confidence", "audit_probability", "state"), "rows"),
        (labels, ("product_id", "category_id", "origin", "status", "suggested_category_id"), "labels"),
    ):
        for one in columns:
            if one not in frame:
                raise DataError(f"signs of a loop: the {what} have no column '{one}'")
    auto = rows[(rows["decision"] == "auto").to_numpy()].reset_index(drop=True)
    audits = answered_audits(rows)
    named = measuring.labels_of(rows, labels)
    share = level / TESTS
    apparent, audited = measuring.apparent_accuracy(named), measuring.audited_accuracy(auto)
    categories = measuring.growing(auto, audits, 1 - target, reference)
    found = (
        measuring.illusion(apparent, audited, audits, target, share),
        measuring.training(training),
        measuring.window_labels(named),
        measuring.trend(audits, auto, share),
        measuring.growing_sign(categories, share),
        measuring.shown(rows, named, share),
    )
    colour, text = together({one.name: one for one in found}, alarmed)
    return Signs(found, colour, text, apparent, audited, tuple(categories))


def together(found: Mapping[str, Sign], alarmed: bool) -> tuple[Colour, str]:
    """The colour of signs by name and the sentence that says why; see the module for the rule."""
    there = [name for name, one in found.items() if one.sign]
    if alarmed and "illusion" in there:
        return "red", found["illusion"].text
    symptoms = [one for one in ("trend", "growing") if one in there]
    if "training" in there and symptoms:
        return "red", f"{found['training'].text} {found[symptoms[0]].text}"
    if there:
        return "yellow", " ".join(found[one].text for one in there)
    if found["illusion"].sign is None:
        return "unknown", f"No sign of a loop, but not enough to tell. {found['illusion'].text}"
    return "green", "No sign that the model feeds on itself."
