"""What a verdict does at the desk: it is told there; an alarm may hold automation back, where the settings say so."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from aisle.errors import ConfigurationError, DataError
from monitoring.after import Brake, certified_confidence, reach_of, tightened
from monitoring.posting import Desk
from monitoring.remembering import Acted
from monitoring.settings import Settings

if TYPE_CHECKING:
    from monitoring.judging import Judged


def act(judged: Judged, catalogue: Path | str, settings: Settings, desk: Desk, acted: Acted) -> Iterator[str]:
    """Tell the desk, and brake it after an alarm of the accuracy where `after_alarm` says so; a line each.

    A shift or a sign of the loop is told, never braked by itself: that decisions are wrong is what audits say. One
    alarm sets one brake on the same products: `acted` remembers it, for people may have released it since.

    Raises
    ------
    AisleError
        For what the desk did not take; where it only would not be told, the brake is set before that is raised.
    OSError
        Where the brake is set, and could not be remembered.
    """
    verdict = judged.verdict
    refused: ConfigurationError | DataError | None = None
    try:
        new = desk.tell(verdict.as_table())
        yield f"Told the desk at {desk.url}{'' if new else ', which knew it'}."
    except (ConfigurationError, DataError) as error:  # a token for brakes alone still brakes
        refused = error
    if settings.after_alarm != "tell" and verdict.brakeable:
        yield from _brake(judged, catalogue, settings, desk, acted)
    if refused is not None:
        raise refused


def _brake(judged: Judged, catalogue: Path | str, settings: Settings, desk: Desk, acted: Acted) -> Iterator[str]:
    verdict = judged.verdict
    table = verdict.as_table()
    scope, value = reach_of(table, settings)
    alarm = alarm_of(judged, settings)
    before = acted.of(alarm, scope, value)
    if before is not None:
        yield (
            f"No new brake: this alarm set one on {before['day']} ({before['holds']}). Whether it still holds is for "
            "people to say; `aisle alarm` sets another one."
        )
        return
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
    line, holds = set_brake(desk, brake, verdict.key)
    yield line
    acted.remember(alarm, brake, day=verdict.day, key=verdict.key, holds=holds)


def alarm_of(judged: Judged, settings: Settings) -> str:
    """The name of the alarm, the same on each day that it stands: of a version, a policy, and since when it counts."""
    verdict = judged.verdict
    return f"{verdict.model_version}:{verdict.policy_id}:{settings.alarm_since or 'begin'}"


def set_brake(desk: Desk, brake: Brake, alarm: str | None) -> tuple[str, str]:
    """Set the brake; a line that says so, and what holds."""
    holds = desk.brake(brake.scope, brake.kind, brake.why, value=brake.value, confidence=brake.confidence, alarm=alarm)
    if holds is None:
        return "The desk holds this brake already.", brake.told
    return f"The desk holds a brake: {holds}.", holds
