"""The verdict: one colour, the reasons for it, and the figures behind them, for machines and for one line to people.

Colours, from the one that wins to the one that loses:

    red       an alarm: of the errors among automatic decisions, of a lasting shift, or of the loop (exit code 3)
    unknown   too few audits or answers, too many days missing, or another model at work (exit code 4); never green
              by default
    yellow    a look: one odd day, a reading below the target without an alarm, a sign that is not sure (exit code 0)
    green     accuracy is known and nothing stands out (exit code 0)
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Colour = Literal["red", "unknown", "yellow", "green"]
Part = Literal["window", "data", "predictions", "accuracy", "loop"]
COLOURS: tuple[Colour, ...] = ("red", "unknown", "yellow", "green")
EXIT_CODES: Mapping[Colour, int] = {"green": 0, "yellow": 0, "red": 3, "unknown": 4}
FORMAT = 1
MOST_POSTED = 60_000  # bytes: the desk takes 64 KiB


@dataclass(frozen=True)
class Reason:
    """Why the verdict is not green.

    Attributes
    ----------
    code : str
        For machines; docs/monitors.md lists them.
    part : str
        Which of the four questions it answers, or `window` where rows themselves are missing or wrong.
    colour : str
        What it makes of the verdict: `red`, `unknown` or `yellow`.
    text : str
        For people: what, how much, of how many.
    figures : mapping
        Plain numbers and names of the text.
    """

    code: str
    part: Part
    colour: Colour
    text: str
    figures: Mapping[str, Any] = field(default_factory=dict)

    def as_table(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "code": self.code,
            "part": self.part,
            "colour": self.colour,
            "text": self.text,
            "figures": plain(self.figures),
        }


def colour_of(reasons: Sequence[Reason]) -> Colour:
    """The colour that wins; green without a reason."""
    return min((one.colour for one in reasons), key=COLOURS.index, default="green")


@dataclass(frozen=True)
class Verdict:
    """What the monitor found; the parts are plain data, as docs/monitors.md documents them.

    Attributes
    ----------
    day : date
        The last day judged (UTC).
    model_version, policy_id : str or None
        The champion.
    summary : str
        One line for people, without the colour.
    reasons : sequence of Reason
        The worst first; empty when all is well.
    window, accuracy, alarm, expected, drift, loop : mapping or None
        Figures of the parts.
    blame, gaps, next_steps : sequence
        Who explains most; what is missing or odd in the rows; what to do.
    """

    day: dt.date
    model_version: str | None
    policy_id: str | None
    summary: str
    reasons: Sequence[Reason]
    window: Mapping[str, Any]
    accuracy: Mapping[str, Any]
    alarm: Mapping[str, Any] | None = None
    expected: Mapping[str, Any] | None = None
    drift: Mapping[str, Any] | None = None
    loop: Mapping[str, Any] | None = None
    blame: Sequence[Mapping[str, Any]] = ()
    gaps: Sequence[Mapping[str, Any]] = ()
    next_steps: Sequence[str] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def colour(self) -> Colour:
        """The colour that wins among the reasons."""
        return colour_of(self.reasons)

    @property
    def brakeable(self) -> bool:
        """Whether audits say that decisions are worse than promised: what an automatic brake is for.

        A red reason about the accuracy: `accuracy.alarm`, or `accuracy.late_errors` where the alarm would have rung had
        errors been confirmed in time. Shifts and signs of the loop brake nothing.
        """
        return any(one.part == "accuracy" and one.colour == "red" for one in self.reasons)

    @property
    def exit_code(self) -> int:
        """0 green or yellow, 3 alarm, 4 not yet known."""
        return EXIT_CODES[self.colour]

    @property
    def key(self) -> str:
        """The name of this verdict at the desk: the same day, model and colour are one alarm."""
        return f"monitor:{self.day}:{self.model_version or 'none'}:{self.colour}"

    def as_table(self) -> dict[str, Any]:
        """The verdict as documented: plain data that JSON can hold; the same rows give the same bytes."""
        return {
            "format": FORMAT,
            "key": self.key,
            "colour": self.colour,
            "exit_code": self.exit_code,
            "summary": self.summary,
            "day": str(self.day),
            "model_version": self.model_version,
            "policy_id": self.policy_id,
            "reasons": [one.as_table() for one in self.reasons],
            "window": plain(self.window),
            "accuracy": plain(self.accuracy),
            "alarm": plain(self.alarm),
            "expected": plain(self.expected),
            "drift": plain(self.drift),
            "loop": plain(self.loop),
            "blame": plain(list(self.blame)),
            "gaps": plain(list(self.gaps)),
            "next_steps": list(self.next_steps),
            "settings": plain(self.settings),
        }


def plain(value: Any) -> Any:
    """`value` as JSON holds it: numpy numbers as Python's, dates as text, what is no number as null."""
    if isinstance(value, Mapping):
        return {str(name): plain(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(one) for one in value]
    if isinstance(value, (dt.date, dt.datetime)):
        return value.isoformat()
    if hasattr(value, "item") and not isinstance(value, (str, bytes)):
        value = value.item()
    if isinstance(value, float) and value != value:
        return None
    if isinstance(value, float) and value in (float("inf"), float("-inf")):
        return None
    return value


def trimmed(table: Mapping[str, Any], most: int = MOST_POSTED) -> dict[str, Any]:
    """`table` of a verdict in at most `most` bytes of JSON: long lists lose their ends, then whole parts go.

    What went is named in `left_out`; colour, summary, reasons and accuracy always stay.
    """
    small: dict[str, Any] = json.loads(json.dumps(table, allow_nan=False))
    left_out: list[str] = []

    def fits() -> bool:
        return len(json.dumps({**small, "left_out": left_out}).encode()) <= most

    for part in ("gaps", "blame", "reasons"):
        if not fits() and len(small.get(part) or []) > 10:
            small[part] = small[part][:10]
            left_out.append(f"{part} after the first 10")
    for part in ("drift", "loop", "expected", "gaps", "blame", "settings", "alarm", "next_steps"):
        if not fits() and small.get(part):
            small[part] = [] if isinstance(small[part], list) else None
            left_out.append(part)
    for reason in small["reasons"]:
        if not fits():
            reason["figures"], reason["text"] = {}, reason["text"][:300]
    return {**small, "left_out": left_out} if left_out else small
