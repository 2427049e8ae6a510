"""The replay as one self-contained page: no request to elsewhere, no script, light and dark, wide, narrow, printed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aisle.audit.replay.settings import REGIMES
from aisle.files import write_text
from monitoring.replay_page import curves, figures, words
from monitoring.replay_page.curves import Regime, Spread
from pipelines.report import drawing
from pipelines.report.rendering import environment
from pipelines.report.words import count, exact, interval, percent

if TYPE_CHECKING:
    from aisle.audit.replay.results import Round
    from aisle.audit.replay.settings import ReplaySettings

TEMPLATES = Path(__file__).parent / "templates"
REPORT_STYLE = Path(drawing.__file__).parent / "templates" / "page.css"


def write_page(path: Path, rounds: Iterable[Round], settings: ReplaySettings, source: str) -> None:
    """Write the page of `rounds`, whatever there is of them, to `path`; `source` names the catalogue."""
    write_text(path, render(rounds, settings, source))


def render(rounds: Iterable[Round], settings: ReplaySettings, source: str) -> str:
    """The page as HTML."""
    regimes, target = curves.gather(rounds), settings.target
    rows = [row(one, target) for one in regimes]
    templates = environment(TEMPLATES)
    templates.filters.update(percent=percent, exact=exact, count=count, whole=whole)
    seeds = {seed for one in regimes for seed in one.by_seed}
    wanted = [name for name in REGIMES if name in settings.regimes]
    return templates.get_template("page.html.j2").render(
        source=source,
        settings=settings,
        headline=words.headline(regimes, target),
        missing=words.missing(regimes, wanted, settings.seeds, settings.rounds),
        done={"rounds": max((one.last for one in regimes), default=0), "seeds": len(seeds)},
        regimes=rows,
        rounds_differ=len({one["rounds"] for one in rows}) > 1,
        figures=figures.draw(regimes, target, settings.cap),
        kinds=kinds(regimes),
        late=curves.LATE,
        seeds_words=words.seeds_words(len(seeds)),
        sentences=[(name, words.SENTENCES[name]) for name in wanted],
        facts=words.facts(settings),
        style=REPORT_STYLE.read_text(encoding="utf-8") + (TEMPLATES / "replay.css").read_text(encoding="utf-8"),
    )


def whole(text: str) -> str:
    """`text` with figures that no line break parts from their percent sign."""
    return text.replace(" %", "\u00a0%")


def row(regime: Regime, target: float) -> dict[str, Any]:
    """A regime as the panels and the table show it."""
    late = list(regime.late().values())
    was = curves.spread(curves.true(one) for one in late)
    too_much = curves.spread((curves.believed_too_much(one) for one in late), share=False)
    return {
        "name": regime.name,
        "sentence": words.SENTENCES.get(regime.name, ""),
        "verdict": words.verdict(regime, target),
        "rounds": _rounds(late),
        "seeds": len(late),
        "below": was.value is not None and was.value < target,
        "figures": [
            _share(curves.spread(curves.believed(one) for one in late)),
            _share(was),
            _share(curves.spread(curves.told_by_audits(one) for one in late)),
            {"text": words.points(too_much), "interval": words.between(too_much)},
            _share(curves.spread(curves.coverage(one) for one in late)),
            _share(curves.spread((curves.share_of_oracle(one) for one in late), share=False), digits=0),
            _share(curves.spread(curves.flow(one) for one in late)),
            {"text": count(curves.spread(curves.answers(one) for one in late).value), "interval": ""},
            _share(curves.spread(one[-1].model_label_share for one in late), digits=0),
        ],
        "alarm": words.alarm_words(regime.alarms()),
    }


def kinds(regimes: Sequence[Regime]) -> list[tuple[str, str]]:
    """Kinds of answers with the name of the colour of the page that each is drawn in."""
    names: Mapping[str, str] = {colour: name for name, colour in drawing.PALETTE.items()}
    return [(words.ANSWERS[kind], names[figures.ANSWER_COLOURS[kind]]) for kind in figures.answer_kinds(regimes)]


def _rounds(late: Sequence[Sequence[Round]]) -> str:
    numbers = sorted({one.round for rounds in late for one in rounds})
    return f"{numbers[0]}–{numbers[-1]}" if len(numbers) > 1 else f"{numbers[0]}"


def _share(spread: Spread, digits: int = 1) -> dict[str, str]:
    return {
        "text": percent(spread.value, digits),
        "interval": interval({"low": spread.low, "high": spread.high}, digits) if spread.low is not None else "",
    }
