"""Accuracy corrected for what people get wrong, where doubly labelled audits say how often that is.

Even after a second person has confirmed every error, some wrong decisions pass as right (the person did
not see it) and a few right ones are counted as errors (two people made the same mistake). With the
shares of both, the error that people report is error · found + (1 − error) · false alarms, which can be
solved for the error (Rogan & Gladen 1978, "Estimating prevalence from the results of a screening
test"). The corrected figure is an optional one with a name of its own: the plain one says what two
people would find, this one what is so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from aisle.audit.estimates import LEVEL, AuditSums, estimate
from aisle.bounds import clopper_pearson

_SPENT = 0.02  # of the 1 − level, a part of this share of 1 goes to not knowing people's errors exactly


@dataclass(frozen=True)
class PeopleCounts:
    """What one person's answers were worth where the truth is known: adjudicated doubles and test items.

    Attributes
    ----------
    missed, wrong_decisions : int
        Of the decisions known to be wrong, how many a person let pass.
    false_alarms, right_decisions : int
        Of the decisions known to be right, how many a person contradicted.
    """

    missed: int
    wrong_decisions: int
    false_alarms: int
    right_decisions: int


@dataclass(frozen=True)
class Corrected:
    """Accuracy corrected for people's errors.

    Attributes
    ----------
    accuracy, low, high : float in [0, 1]
        The interval holds the truth with probability ≥ `level`, people's errors being uncertain too.
    found : float
        Share of the wrong decisions that end as confirmed errors.
    false_alarm : float
        Share of the right decisions that do.
    """

    accuracy: float
    low: float
    high: float
    found: float
    false_alarm: float
    level: float


def corrected(sums: AuditSums, people: PeopleCounts, level: float = LEVEL) -> Corrected | None:
    """Accuracy of one slice corrected for people's errors; None where the counts cannot tell.

    An error is confirmed when each of two people, independently, contradicts the decision: with one
    person missing a share m of the wrong ones and raising false alarms at a share f, found is
    (1 − m)² and false alarms f². The interval takes the ends over all m and f in their own exact
    intervals (Bonferroni), and so is somewhat wide.

    None: no decision known to be wrong or none known to be right, or people so unsure that a wrong
    decision is no more likely to be contradicted than a right one.
    """
    if people.wrong_decisions < 1 or people.right_decisions < 1:
        return None
    spent = min(_SPENT, (1 - level) / 2)
    of_people = 1 - spent / 2
    missed = people.missed / people.wrong_decisions
    alarm = people.false_alarms / people.right_decisions
    missed_low, missed_high = clopper_pearson(people.missed, people.wrong_decisions, of_people)
    alarm_low, alarm_high = clopper_pearson(people.false_alarms, people.right_decisions, of_people)
    found, false_alarm = (1 - missed) ** 2, alarm**2
    if (1 - missed_high) ** 2 <= alarm_high**2 or found <= false_alarm:
        return None
    seen = estimate(sums, level + spent)
    corners = [((1 - m) ** 2, f**2) for m in (missed_low, missed_high) for f in (alarm_low, alarm_high)]
    highest = max(_error(1 - seen.low, *corner) for corner in corners)
    lowest = min(_error(1 - seen.high, *corner) for corner in corners)
    return Corrected(
        1 - _error(1 - seen.accuracy, found, false_alarm), 1 - highest, 1 - lowest, *(found, false_alarm), level
    )


def _error(seen: Any, found: float, false_alarm: float) -> float:
    return float(np.clip((seen - false_alarm) / (found - false_alarm), 0.0, 1.0))
