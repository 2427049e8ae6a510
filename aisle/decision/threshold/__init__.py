"""The certified threshold: the largest coverage whose accuracy is kept with the probability asked for.

Where to begin is fixed from out-of-fold scores of training rows (`planning`). From there the
thresholds are tested on the calibration rows, which played no part so far, in the order of rising
coverage: "the error among accepted products is at least 1 − target_accuracy". The probability
that any threshold passes for which that is true stays below 1 − confidence_level ("Learn then
test": Angelopoulos, Bates, Candès, Jordan & Lei 2021; for selection Geifman & El-Yaniv 2017).

What is exact and what is not:

- Rows of equal audit probability: exact in finite samples, whatever the law of scores and
  errors, over all thresholds at once (`lookahead`, with its proof).
- Unequal audit probabilities: exact as well. A keyed hash keeps each row with a chance in
  proportion to its weight, so that what is kept is a sample of equal probabilities. Where that
  leaves too little, betting on all rows, whose error is bounded but not used up (`bounds`).
- Groups of products: exact together, with the level shared.
- Whole clusters (sellers): approximate, with the design effect of Korn & Graubard; simulations
  on real offers in `benchmarks/thresholds.py` say how good that is.
"""

from aisle.decision.threshold.certifying import certified_threshold, certified_thresholds, p_value
from aisle.decision.threshold.planning import Walk, plan_walk
from aisle.decision.threshold.readings import cheapest_threshold, cost_per_product, quantile_threshold

__all__ = [
    "Walk",
    "certified_threshold",
    "certified_thresholds",
    "cheapest_threshold",
    "cost_per_product",
    "p_value",
    "plan_walk",
    "quantile_threshold",
]
