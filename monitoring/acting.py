"""What a verdict does at the desk: it is told there; an alarm may hold automation back, where the settings say so."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from monitoring.after import Brake, certified_confidence, reach_of, tightened
from monitoring.posting import Desk
from monitoring.settings import Settings

if TYPE_CHECKING:
    from monitoring.judging import Judged


def act(judged: Judged, catalogue: Path | str, settings: Settings, desk: Desk) -> Iterator[str]:
    """Tell the desk, and brake it after an alarm of the accuracy where `after_alarm` says so; a line each.

    A shift or a sign of the loop is told, never braked by itself: that decisions are wrong is what audits say.
    """
    verdict = judged.verdict
    new = desk.tell(verdict.as_table())
    yield f"Told the desk at {desk.url}{'' if new else ', which knew it'}."
    if settings.after_alarm == "tell" or not any(one.code == "accuracy.alarm" for one in verdict.reasons):
        return
    table = verdict.as_table()
    scope, value = reach_of(table, settings)
    why = f"Automatically after {verdict.key}: {verdict.summary}"[:700]
    brake: Brake | None = Brake(scope, value, "stop", None, why)
    if settings.after_alarm == "tighten":
        reference = judged.seen.reference
        found = certified_confidence(catalogue, reference, verdict.day, settings.brake_days, scope, value)
        brake = tightened(found, reference, scope, value, why)
        if brake is None:
            yield "No brake: the audits of the last days certify the threshold that holds."
            return
    assert brake is not None
    yield set_brake(desk, brake, verdict.key)


def set_brake(desk: Desk, brake: Brake, alarm: str | None) -> str:
    """Set the brake, and say so in a line."""
    holds = desk.brake(brake.scope, brake.kind, brake.why, value=brake.value, confidence=brake.confidence, alarm=alarm)
    return f"The desk holds a brake: {holds}." if holds is not None else "The desk holds this brake already."
