"""Do the intervals of audits hold the truth? Simulated over rates, skips, small counts, and people who err.

    python -m benchmarks.desk --only interval [--quick]

A cell is one way of auditing: expected audits (5 to 2,000), share of wrong decisions (0 to 30 %), skips at random (0 to
30 %), how far probabilities lie apart (even, 10-fold, and 50-fold in the drawn-up ones), which share of
the products has which, and where the errors are: anywhere, among the unsure (drawn often), among the sure (drawn
rarely). Each cell is drawn thousands of times; what counts is the share of intervals that hold the truth, in the
worst cell. Peers: the same interval with the greatest weight that happened to be drawn; Korn & Graubard (1998);
Hájek's estimate with a normal interval, as survey packages give it; betting (Waudby-Smith & Ramdas 2023).

With people who are wrong in 2 of 100 answers, the plain interval is held against what two people would find, and
the corrected one against the truth.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import special
from tqdm import tqdm

from aisle.audit.corrections import PeopleCounts, corrected
from aisle.audit.estimates import AuditSums, estimate
from aisle.audit.intervals import share_interval
from benchmarks.results import Result

AUDITS = (5, 10, 20, 50, 100, 300, 1000, 2000)
ERRORS = (0.0, 0.002, 0.01, 0.03, 0.1, 0.3)
SKIPS = (0.0, 0.1, 0.3)
RATES = (0.002, 0.02, 0.1, 0.5)
SIMULATIONS, QUICK_SIMULATIONS = 10_000, 2_000
DRAWN_UP = 400
PEOPLE = 0.02
_TINY = 1e-12
Floats = NDArray[np.float64]
Ends = tuple[Floats, Floats]


class Cell(NamedTuple):
    """Probabilities relative to the least one, the share of products and of errors at each; audits to be expected."""

    name: str
    apart: Floats
    share: Floats
    error: Floats
    audits: float
    skips: float = 0.0

    @property
    def truth(self) -> float:
        return float((self.share * self.error).sum())


def drawn(cell: Cell, many: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Answered audits and errors among them at each probability, shape (many, levels): Poisson, skips at random."""
    among = cell.share * cell.apart / (cell.share * cell.apart).sum() * cell.audits * (1 - cell.skips)
    wrong = rng.poisson(among * cell.error, size=(many, among.size)).astype(np.float64)
    right = rng.poisson(among * (1 - cell.error), size=wrong.shape)
    return wrong + right, wrong


def ours(cell: Cell, audits: Floats, wrong: Floats) -> Ends:
    weight = 1 / cell.apart
    sums = (audits @ weight, wrong @ weight, audits @ weight**2, wrong @ weight**2)
    return share_interval(audits.sum(axis=1), *sums, weight.max())[1:]


def observed(cell: Cell, audits: Floats, wrong: Floats) -> Ends:
    """With the greatest weight that was drawn in the place of the greatest there is."""
    weight = 1 / cell.apart
    sums = (audits @ weight, wrong @ weight, audits @ weight**2, wrong @ weight**2)
    most = np.where(audits > 0, weight, 0).max(axis=1)
    return share_interval(audits.sum(axis=1), *sums, np.maximum(most, _TINY))[1:]


def normal(cell: Cell, audits: Floats, wrong: Floats) -> Ends:
    share, variance, _ = _linearised(cell, audits, wrong)
    spread = 1.959964 * np.sqrt(variance)
    return np.where(np.isnan(share), 0, share - spread), np.where(np.isnan(share), 1, share + spread)


def korn_graubard(cell: Cell, audits: Floats, wrong: Floats) -> Ends:
    share, variance, worth = _linearised(cell, audits, wrong)
    with np.errstate(all="ignore"):
        rows = np.where(variance > 0, np.minimum(share * (1 - share) / variance, audits.sum(axis=1)), worth)
        hits = share * rows
        low = np.where(hits > _TINY, special.betaincinv(np.maximum(hits, 1e-9), rows - hits + 1, 0.025), 0)
        rest = np.maximum(rows - hits, 1e-9)
        high = np.where(rows - hits > _TINY, special.betaincinv(hits + 1, rest, 0.975), 1)
    return np.where(np.isnan(share), 0, low), np.where(np.isnan(share), 1, high)


def betting(cell: Cell, audits: Floats, wrong: Floats) -> Ends:
    """Rows in a random order; a share is held for possible until a mixture of bets against it has won 40-fold."""
    rng = np.random.default_rng(1)
    bets, grid = (np.arange(10) + 0.5) / 10, np.linspace(0, 1, 201)
    ends = []
    for counts, errors in zip(audits.astype(int), wrong.astype(int), strict=True):
        weight = np.repeat(1 / cell.apart, counts)
        hit = np.concatenate([np.arange(count) < error for count, error in zip(counts, errors, strict=True)])
        order = rng.permutation(weight.size)
        move = weight[order] * (hit[order] - grid[:, None])  # of mean zero at the true share
        possible = np.ones(grid.size, dtype=bool)
        for sign, largest in ((1, np.maximum(grid, 1e-9)), (-1, np.maximum(1 - grid, 1e-9))):
            capital = np.zeros((grid.size, weight.size))
            for bet in bets:
                capital += np.exp(np.minimum(np.cumsum(np.log1p(sign * bet * move / largest[:, None]), axis=1), 700))
            possible &= (capital / bets.size).max(axis=1, initial=1.0) < 40
        kept = grid[possible]
        step = grid[1]  # between two shares that were tried, the benefit of the doubt
        ends.append((kept.min() - step, kept.max() + step) if kept.size else (0.0, 0.0))
    low, high = np.array(ends).T
    return low, high


def _linearised(cell: Cell, audits: Floats, wrong: Floats) -> tuple[Floats, Floats, Floats]:
    weight = 1 / cell.apart
    total, square = audits @ weight, audits @ weight**2
    with np.errstate(all="ignore"):
        share = (wrong @ weight) / total
        variance = ((wrong @ weight**2) * (1 - 2 * share) + share**2 * square) / total**2
        return share, variance, total**2 / square


METHODS: dict[str, tuple[str, Callable[[Cell, Floats, Floats], Ends]]] = {
    "ours": ("Aisle", ours),
    "observed": ("the greatest weight drawn, not the greatest there is", observed),
    "korn_graubard": ("Korn & Graubard", korn_graubard),
    "normal": ("Hájek with a normal interval", normal),
}


def allotted(kind: str, apart: Floats, share: Floats, error: float) -> Floats:
    """Error at each probability, of this share over all products."""
    towards = {
        "anywhere": np.ones_like(apart),
        "unsure": apart,
        "most unsure": (apart == apart.max()) + 1e-9,
        "sure": (apart == apart.min()) + 1e-9,
    }[kind]
    return scaled(towards, share, error)


def scaled(towards: Floats, share: Floats, error: float) -> Floats:
    low, high = 0.0, 1e12
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if (share * np.minimum(1, middle * towards)).sum() < error else (low, middle)
    return np.minimum(1.0, high * towards)


def cells() -> Iterator[Cell]:
    """The grid, then cells drawn up at random with probabilities up to 50-fold apart."""
    designs = {"even": (np.ones(1), np.ones(1))}
    for low in (0.02, 0.1, 0.5, 0.9, 0.98):
        designs[f"two rates, {low:.0%} at the floor"] = (np.array([1.0, 10.0]), np.array([low, 1 - low]))
    designs["twelve rates"] = (np.geomspace(1, 10, 12), np.full(12, 1 / 12))
    for name, (apart, share) in designs.items():
        for kind in ("anywhere",) if apart.size == 1 else ("anywhere", "unsure", "most unsure", "sure"):
            for error in ERRORS:
                where = allotted(kind, apart, share, error)
                for audits in AUDITS:
                    for skips in SKIPS:
                        yield Cell(f"{name}, errors {kind}", apart, share, where, audits, skips)
    rng = np.random.default_rng(7)
    for number in range(DRAWN_UP):
        levels = int(rng.integers(2, 6))
        apart = np.sort(np.exp(rng.uniform(0, np.log(50), levels)))
        apart[0], apart[-1] = 1.0, rng.choice([10.0, 50.0])
        apart = np.minimum(apart, apart[-1])
        share = np.maximum(rng.dirichlet(np.full(levels, 0.5)), 1e-4)
        share /= share.sum()
        error = scaled(
            rng.dirichlet(np.full(levels, 0.3)) + 1e-9, share, np.exp(rng.uniform(np.log(5e-4), np.log(0.4)))
        )
        yield Cell(f"drawn up {number}", apart, share, error, float(np.exp(rng.uniform(np.log(4), np.log(2500)))))


def holds(truth: float, ends: Ends) -> float:
    low, high = ends
    return float(np.mean((low - _TINY <= truth) & (truth <= high + _TINY)))


def finite(rate: float, error: float, apart: float, many: int, rng: np.random.Generator) -> float:
    """Coverage of the share of the very products that there were: a fixed 2,000 of them, drawn by Poisson sampling."""
    count = 2_000
    probability = np.where(np.arange(count) % 2, min(rate * apart, 1.0), rate)
    wrong = np.zeros(count)
    wrong[rng.permutation(count)[: round(error * count)]] = 1
    inside = 0
    for _ in range(many):
        taken = rng.random(count) < probability
        weight, hit = 1 / probability[taken], wrong[taken]
        sums = (weight.sum(), weight @ hit, weight @ weight, weight**2 @ hit)
        _, low, high = share_interval(taken.sum(), *sums, 1 / probability.min())
        inside += bool(low - _TINY <= wrong.mean() <= high + _TINY)
    return inside / many


def with_people(many: int, rng: np.random.Generator) -> tuple[float, float]:
    """Worst coverage with people wrong in 2 % of answers: of what two people find, and corrected of the truth."""
    plain, mended = 1.0, 1.0
    for error in (0.0, 0.01, 0.05, 0.3):
        for audits in (50, 500, 2000):
            found = error * (1 - PEOPLE) ** 2 + (1 - error) * PEOPLE**2
            wrong = rng.binomial(audits, found, size=10 * many)
            count = np.array([audits - wrong, wrong, 0 * wrong, 0 * wrong, 0 * wrong], dtype=np.float64)
            seen = estimate(AuditSums(count, count, count, np.ones(wrong.size)))
            plain = min(plain, holds(1 - found, (seen.low, seen.high)))
            known = rng.binomial(200, PEOPLE, size=(many, 2))
            inside = 0
            for hits, (missed, alarms) in zip(wrong[:many].tolist(), known.tolist(), strict=True):
                count = np.array([audits - hits, hits, 0, 0, 0], dtype=np.float64)
                sums = AuditSums(count, count, count, np.float64(1.0))  # type: ignore[arg-type]
                ends: Any = corrected(sums, PeopleCounts(missed, 200, alarms, 200))
                inside += ends is None or ends.low - _TINY <= 1 - error <= ends.high + _TINY
            mended = min(mended, inside / many)
    return plain, mended


def measured(many: int, rows: int | None = None) -> list[Result]:
    """All figures, from `many` simulations a cell; `rows` cells alone, spread evenly, for a quick look."""
    rng = np.random.default_rng(5)
    everything = list(cells())
    chosen = everything if rows is None else everything[:: max(1, len(everything) // rows)]
    worst, width = dict.fromkeys(METHODS, 1.0), dict.fromkeys(METHODS, 0.0)
    for cell in tqdm(chosen, unit="cell", desc="intervals", disable=None):
        audits, wrong = drawn(cell, many, rng)
        for name, (_, method) in METHODS.items():
            ends = method(cell, audits, wrong)
            worst[name] = min(worst[name], holds(cell.truth, ends))
            width[name] += float((ends[1] - ends[0]).mean()) / len(chosen)
    some = [one for one in everything if one.audits in (20, 100) and one.skips == 0 and one.truth > 0][::11]
    bet_worst, bet_width, our_width = 1.0, 0.0, 0.0
    for cell in some:
        audits, wrong = drawn(cell, 100, rng)
        ends, mine = betting(cell, audits, wrong), ours(cell, audits, wrong)
        bet_worst = min(bet_worst, holds(cell.truth, ends))
        bet_width += float((ends[1] - ends[0]).mean()) / len(some)
        our_width += float((mine[1] - mine[0]).mean()) / len(some)
    products = [
        finite(rate, e, apart, min(many, 2000), rng)
        for rate in RATES
        for e in (0.0, 0.01, 0.1, 0.3)
        for apart in (1, 10)
    ]
    plain, mended = with_people(min(many, 2000), rng)
    least = min(worst["ours"], min(products), plain, mended)
    found = [
        Result(
            "interval.contains_truth",
            "worst share of 95 % intervals that hold the truth, all cells",
            round(least, 4),
            "share",
            "≥ 0.94",
        ),
        Result(
            "interval.products",
            "the same, of the very products there were, rates .002 to .5",
            round(min(products), 4),
            "share",
        ),
        Result("interval.people", "the same, people wrong in 2 %: of what two people find", round(plain, 4), "share"),
        Result(
            "interval.corrected", "the same, people wrong in 2 %: corrected, of the truth", round(mended, 4), "share"
        ),
    ]
    for name, (title, _) in METHODS.items():
        found.append(
            Result(
                f"interval.{name}.worst", f"{title}: worst share that hold the truth", round(worst[name], 4), "share"
            )
        )
        found.append(Result(f"interval.{name}.width", f"{title}: mean width", round(width[name], 4), "share"))
    found.append(
        Result(
            "interval.betting.worst",
            "betting, some cells of 20 and 100 audits: worst share",
            round(bet_worst, 4),
            "share",
        )
    )
    found.append(
        Result(
            "interval.betting.wider",
            "betting, the same cells: mean width against Aisle's",
            round(bet_width / our_width, 3),
            "ratio",
        )
    )
    return found
