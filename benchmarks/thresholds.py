"""How often is the promise broken, and how much coverage is kept? Calibrations drawn from real scores.

    python -m benchmarks.thresholds [--quick]

WDC, PriceRunner and the sample are categorised as `params.yaml` says. Out-of-fold scores of
training rows are what may be planned with; calibration and test rows together are the pool, which
calibrations are drawn from with replacement, and the truth that a promise is held against:
accuracy among those accepted at least the target, with a probability of .95. Drawn are rows,
independently, or whole sellers until the number of rows is reached.

- *broken*: share of the calibrations whose threshold has a true accuracy below the target. A
  calibration that certifies nothing breaks nothing.
- *kept*: mean true coverage of the thresholds chosen, against that of the exact test without
  correction, which makes the test at every threshold and takes the largest coverage that passes.

Methods: the naive reading (largest coverage that reaches the target on the calibration rows);
MAPIE's risk control as its users call it; the exact test without correction; Aisle; with sellers
also Aisle with `threshold.clusters: seller`. `--quick` draws few calibrations from a small sample.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Mapping

import numpy as np
from tqdm import tqdm

from aisle.config import read_parameters
from aisle.errors import exit_code_of
from benchmarks.catalogues import PROJECT, SHIPPED
from benchmarks.certificates.methods import Cell, Method, aisle, aisle_by_seller, mapie, naive, uncorrected
from benchmarks.certificates.pools import Pool, fitted
from benchmarks.results import Result, report

TARGETS = (0.9, 0.95, 0.98)
ROWS = (500, 1000, 3000, 10_000)
DRAWS = {"rows": 20_000, "sellers": 6_000}
QUICK_ROWS, QUICK_DRAWS = (500, 1000), {"rows": 200, "sellers": 200}

METHODS = {
    "naive": ("naive reading", naive),
    "mapie": ("MAPIE's risk control", mapie),
    "exact": ("exact test without correction", uncorrected),
    "aisle": ("Aisle", aisle),
    "aisle_sellers": ("Aisle, clusters: seller", aisle_by_seller),
}
OURS = {"rows": "aisle", "sellers": "aisle_sellers"}
DRAWN = {"rows": "rows drawn independently", "sellers": "whole sellers drawn"}
# Cells whose kept coverage is shown: the name, the target and the number of rows.
KEPT = {"n3000": (0.95, 3000), "n500_98": (0.98, 500)}
REACH = {
    "broken.rows": "≤ 0.05",
    "broken.sellers": "≤ 0.05",
    "kept.n3000": "≥ 0.99",
    "kept.n500_98": "≥ 0.70",
}
# Where even the test without correction accepts less, what is kept of that is no figure.
LITTLE = 0.02
# Of the catalogues the one whose scores leave most to lose gives the figure for coverage kept.
KEPT_ON = "wdc"

# Catalogue, way of drawing, method, target, rows: share broken, mean coverage.
Found = dict[tuple[str, str, str, float, int], tuple[float, float]]


def measured(pool: Pool, rows: Iterable[int], draws: Mapping[str, int], bar: tqdm[None]) -> Found:
    """All cells of a pool; one set of calibrations serves every target and method."""
    found: Found = {}
    for way, many in draws.items():
        for size in rows:
            methods = _methods(pool, way, size)
            broken, coverage = dict.fromkeys(methods, 0.0), dict.fromkeys(methods, 0.0)
            rng = np.random.default_rng([size, way == "sellers"])
            for drawn in (pool.draw_rows if way == "rows" else pool.draw_sellers)(size, many, rng):
                for (name, target), method in methods.items():
                    chosen = method(drawn)
                    some = chosen[chosen >= 0]
                    broken[name, target] += np.count_nonzero(pool.accuracy[some] < target - 1e-12) / many
                    coverage[name, target] += float(pool.coverage[some].sum()) / many
                bar.update(len(drawn.accepted))
            for name, target in methods:
                found[pool.name, way, name, target, size] = broken[name, target], coverage[name, target]
    return found


def _methods(pool: Pool, way: str, rows: int) -> dict[tuple[str, float], Method]:
    names = [name for name in METHODS if way == "sellers" or name != OURS["sellers"]]
    return {(name, target): METHODS[name][1](Cell(pool, rows, target)) for target in TARGETS for name in names}


def rows_of(found: Found) -> list[Result]:
    """The figures with an aim, then the worst share broken and the coverage kept of every method.

    Aims are those for real offers: without them there are none.
    """
    results = []
    for way, ours in OURS.items():
        worst = max(broken for (_, drawn, name, _, _), (broken, _) in found.items() if (drawn, name) == (way, ours))
        what = f"worst share of broken promises over catalogues, targets and sizes, {METHODS[ours][0]}; {DRAWN[way]}"
        results.append(Result(f"broken.{way}", what, round(worst, 4), "share"))
    sets = list(dict.fromkeys(name for name, *_ in found))
    for cell, (target, size) in KEPT.items():
        name = KEPT_ON if KEPT_ON in sets else sets[0]
        if (name, "rows", "aisle", target, size) in found:
            what = f"{name}: coverage kept at {target} with {size:,} rows, against the exact test without correction"
            kept = _kept(found, name, "rows", "aisle", target, size)
            results.append(Result(f"kept.{cell}", what, round(kept, 4), "ratio"))
    if KEPT_ON in sets:
        results = [row._replace(reach=REACH[row.id]) for row in results]
    for name in sets:
        for way in OURS:
            results += _table(found, name, way)
    return results


def _table(found: Found, catalogue: str, way: str) -> list[Result]:
    """Of one catalogue and way of drawing: each method's worst share broken, and its coverage in the shown cells."""
    results = []
    for name, (title, _) in METHODS.items():
        shares = [one for (*where, _, _), (one, _) in found.items() if where == [catalogue, way, name]]
        if not shares:
            continue
        place = f"{catalogue}.{way}.{name}"
        what = f"{catalogue}, {DRAWN[way]}, {title}"
        worst = f"{what}: worst share of broken promises"
        results.append(Result(f"{place}.broken", worst, round(max(shares), 4), "share"))
        for cell, (target, size) in KEPT.items():
            if (catalogue, way, name, target, size) not in found:
                continue
            coverage, at = found[catalogue, way, name, target, size][1], f"{what}, target {target}, {size:,} rows"
            results.append(Result(f"{place}.coverage_{cell}", f"{at}: mean coverage", round(coverage, 4), "share"))
            if found[catalogue, way, "exact", target, size][1] >= LITTLE:
                kept = round(_kept(found, catalogue, way, name, target, size), 4)
                results.append(Result(f"{place}.kept_{cell}", f"{at}: coverage kept", kept, "ratio"))
    return results


def _kept(found: Found, catalogue: str, way: str, name: str, target: float, size: int) -> float:
    """Coverage against that of the exact test without correction; 1 where that accepts nothing."""
    most = found[catalogue, way, "exact", target, size][1]
    return found[catalogue, way, name, target, size][1] / most if most > 0 else 1.0


def main() -> None:
    """Print and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="few draws, a small sample; nothing tracked is written")
    quick: bool = parser.parse_args().quick
    parameters = read_parameters(PROJECT / "params.yaml")
    names = ["small_sample"] if quick else ["wdc", "pricerunner", "sample"]
    sizes, draws = (QUICK_ROWS, QUICK_DRAWS) if quick else (ROWS, DRAWS)
    found: Found = {}
    with tqdm(total=len(names) * len(sizes) * sum(draws.values()), unit="draw", desc="calibrations") as bar:
        for name in names:
            bar.set_postfix_str(f"{name}: fitting")
            pool = fitted(name, SHIPPED, parameters)
            bar.set_postfix_str(name)
            found |= measured(pool, sizes, draws, bar)
    report("thresholds", rows_of(found), quick=quick)


if __name__ == "__main__":
    sys.exit(exit_code_of(main))
