"""Is the recorded probability the chance of being drawn? A million products, every stratum, many ways to cut.

    python -m benchmarks.desk --only draw [--quick]

Products of many sellers come over 30 days with a confidence, a branch and a category; rates have bands, branches,
thin strata and a budget. Within every stratum (rate, seller, day, branch, category, confidence, digits of the
product_id) the number drawn is held against the sum of the recorded probabilities, in standard errors of
independent draws. The blind and the double ones are held against their shares among the drawn.

One draw cannot tell bias from luck: the worst of thousands of strata of one secret exceeds 4 about every other time
with numpy's own generator, too, since counts of a dozen are skewed, and it was 4.24 with the first secret here.
So `draw.worst_z` adds up the draws of ten secrets, that one among them, in strata with 100 draws or more to be
expected of each: a bias grows by √10, luck does not. `draw.worst_z_one_secret` is the first secret's
alone, over all strata with 10 or more, and has no limit.
"""

from __future__ import annotations

import hashlib
import time

import numpy as np
from numpy.typing import NDArray

from aisle.audit.rates import ABOVE_ALL, Band, Rates, fewest_recent
from aisle.audit.sampling import Draw, Secret, draw
from benchmarks.results import Result

PRODUCTS, QUICK_PRODUCTS = 1_000_000, 100_000
SECRETS = 10
FEW, ENOUGH = 10.0, 100.0  # draws to be expected of a stratum before it is looked at
RATES = Rates(
    floor=0.005,
    bands=(Band(0.5, 0.1), Band(0.8, 0.05), Band(0.95, 0.02), Band(ABOVE_ALL, 0.008)),
    branches={"b3": 0.04},
    thin_rate=0.15,
    daily_budget=800,
    blind_share=0.2,
    double_share=0.05,
)


def score(
    drawn: NDArray[np.int64], probability: NDArray[np.float64], stratum: NDArray[np.int64], secrets: int, least: float
) -> float:
    """The largest distance of a stratum from what is to be expected there, in standard errors.

    `drawn` says how often each product was, over so many `secrets`.
    """
    expected = np.bincount(stratum, weights=probability)
    variance = np.bincount(stratum, weights=probability * (1 - probability))
    found = np.bincount(stratum, weights=drawn)
    enough = (expected >= least) & (variance >= least / 2)
    if not enough.any():
        return 0.0
    return float(np.abs((found - secrets * expected)[enough] / np.sqrt(secrets * variance[enough])).max())


def measured(count: int) -> list[Result]:
    """All figures, of `count` products."""
    rng = np.random.default_rng(11)
    secret = Secret(hashlib.sha256(b"a benchmark keeps no secret").hexdigest())
    seller, day = rng.integers(0, 60, count), rng.integers(0, 30, count)
    branch, category = rng.integers(0, 15, count), rng.zipf(1.6, count) % 300
    confidence = rng.beta(3, 0.4, count)
    identifiers = [f"shop{one:02}:{number:07}" for number, one in enumerate(seller.tolist())]
    branch_id = np.array([f"b{one}" for one in range(15)])[branch]
    names = np.array([f"c{one}" for one in range(300)])
    recent = {str(name): int(audits) for name, audits in zip(names, rng.poisson(60, 300), strict=True)}
    fewest = fewest_recent(branch_id, names[category], dict.fromkeys(np.unique(branch_id).tolist(), 500), recent)

    began = time.perf_counter()
    rates = RATES.within_budget(count / 30, confidence, branch_id, fewest)
    rate = rates.of(confidence, branch_id, fewest)
    received = np.datetime64("2025-04-01") + day.astype("timedelta64[D]")
    found = draw(secret, identifiers, received, rate, rates.blind_share, rates.double_share)
    seconds = time.perf_counter() - began

    again = draw(secret, identifiers[: count // 10], received[: count // 10], rate[: count // 10])
    changed = int((again.audit_drawn != found.audit_drawn[: count // 10]).sum())
    strata = {
        "all": np.zeros(count, dtype=np.int64),
        "rate": np.unique(rate, return_inverse=True)[1],
        "seller": seller,
        "day": day,
        "branch": branch,
        "category": category,
        "confidence": (confidence * 200).astype(np.int64),
        "digits": np.arange(count) % 1000,
        "day and seller": day * 60 + seller,
    }
    times = found.audit_drawn.astype(np.int64)
    alone = max(score(times, found.audit_probability, one, 1, FEW) for one in strata.values())
    for number in range(1, SECRETS):
        other = Secret(hashlib.sha256(f"a benchmark keeps no secret {number}".encode()).hexdigest())
        times += draw(other, identifiers, received, rate).audit_drawn
    worst = max(score(times, found.audit_probability, one, SECRETS, ENOUGH) for one in strata.values())
    return [
        Result(
            "draw.worst_z",
            f"recorded probability against drawn share, {count:,} products, {SECRETS} secrets: the worst stratum",
            round(worst, 2),
            "standard errors",
            "≤ 4",
        ),
        Result(
            "draw.worst_z_one_secret", "the same of one secret, small strata too", round(alone, 2), "standard errors"
        ),
        Result(
            "draw.share_z",
            "blind and double among the drawn, and both: the worst",
            _shares(found, rates),
            "standard errors",
        ),
        Result("draw.seconds", f"{count:,} products drawn", round(seconds, 2), "s"),
        Result("draw.changed", "products whose draw differs when repeated", changed, "products", "≤ 0"),
        Result(
            "draw.budget",
            "audits drawn a day against the budget",
            round(float(found.audit_drawn.sum() / 30 / 800), 3),
            "ratio",
        ),
    ]


def _shares(found: Draw, rates: Rates) -> float:
    drawn = int(found.audit_drawn.sum())
    both = float((found.blind & found.double).sum())
    cases = [
        (float(found.blind.sum()), rates.blind_share),
        (float(found.double.sum()), rates.double_share),
        (both, rates.blind_share * rates.double_share),
    ]
    return round(max(abs(hits - drawn * p) / np.sqrt(drawn * p * (1 - p)) for hits, p in cases), 2)
