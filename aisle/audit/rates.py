"""How likely each product is audited: a floor for all, more where the model is unsure or little is known."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aisle.audit.sampling import exact_probability
from aisle.errors import ConfigurationError
from aisle.files import read_json, write_json

ABOVE_ALL = 1.01  # a band that ends here holds a confidence of 1, too


@dataclass(frozen=True)
class Band:
    """Products whose confidence lies below `below`, in (0, 1.01], and not below the `below` of another band."""

    below: float
    rate: float


@dataclass(frozen=True)
class Rates:
    """The wishes, and what a budget makes of them.

    A product's wish is the greatest of `floor`, the rate of its confidence band, that of its branch,
    and, where its branch or category has few recent audits, `thin_rate`. Its probability is
    `scale` · wish, never below `floor` and never above `most`. All of it is known before the day
    begins, so a product's probability does not depend on what else comes that day.

    Attributes
    ----------
    floor : float in (0, 1]
        The least chance of any product. Intervals are the wider the further the floor lies
        below the other rates, since a product at the floor stands for 1 / floor others.
    bands : tuple of Band, rising
        Confidence at or above the last one: the floor.
    branches : mapping of branch_id to rate
    thin_rate : float in [0, 1]
        Rate where the branch or the category has fewer than `thin_below` recent audits; 0: none.
    thin_below : int
    recent_days : int
        What counts as recent.
    daily_budget : float or None
        Audits a day that people can do; see `within_budget`.
    scale : float
        What the budget makes of the wishes.
    most : float in (0, 1]
    blind_share, double_share : float in [0, 1]
        Of the audits: shown without a suggestion; labelled by two people anyway.

    Raises
    ------
    ConfigurationError
        For a number out of its range.
    """

    floor: float = 0.02
    bands: tuple[Band, ...] = ()
    branches: Mapping[str, float] = field(default_factory=dict)
    thin_rate: float = 0.0
    thin_below: int = 30
    recent_days: int = 30
    daily_budget: float | None = None
    scale: float = 1.0
    most: float = 1.0
    blind_share: float = 0.2
    double_share: float = 0.05

    def __post_init__(self) -> None:
        for name in ("floor", "most"):
            _check(name, getattr(self, name), 0, 1, True)
        for branch, rate in self.branches.items():
            _check(f"branches: {branch}", rate, 0, 1, True)
        for name in ("blind_share", "double_share", "thin_rate"):
            _check(name, getattr(self, name), 0, 1)
        for name in ("thin_below", "recent_days"):
            _check(name, getattr(self, name), 0, 1e9)
        _check("scale", self.scale, 0, 1e9)
        if self.daily_budget is not None:
            _check("daily_budget", self.daily_budget, 0, 1e9, True)
        for number, band in enumerate(self.bands, 1):
            _check(f"bands: {number}: below", band.below, 0, ABOVE_ALL, True)
            _check(f"bands: {number}: rate", band.rate, 0, 1, True)
        edges = [band.below for band in self.bands]
        if any(high <= low for low, high in pairwise(edges)):
            raise ConfigurationError("audit rates: bands must rise: each `below` is greater than the one before it")
        if self.most < self.floor:
            raise ConfigurationError(f"audit rates: most ({self.most:g}) lies below the floor ({self.floor:g})")

    @property
    def smallest_probability(self) -> float:
        """The least chance that any product has under these rates: what intervals must reckon with."""
        return float(exact_probability(self.floor))

    def wishes(
        self,
        confidence: ArrayLike,
        branch_id: ArrayLike | None = None,
        recent_audits: ArrayLike | None = None,
    ) -> NDArray[np.float64]:
        """The rates asked for before the budget, shape (n,); parameters as of `of`."""
        sure = np.asarray(confidence, dtype=np.float64)
        by_band = np.array([*(band.rate for band in self.bands), self.floor])
        place = np.searchsorted([band.below for band in self.bands], np.nan_to_num(sure, nan=-1.0), side="right")
        wish = np.maximum(by_band[place], self.floor)
        if branch_id is not None and self.branches:
            names, number = np.unique(np.asarray(branch_id, dtype=str), return_inverse=True)
            of_branch = np.array([self.branches.get(str(name), 0.0) for name in names])
            wish = np.maximum(wish, of_branch[number])
        if recent_audits is not None and self.thin_rate:
            thin = np.asarray(recent_audits) < self.thin_below
            wish = np.where(thin, np.maximum(wish, self.thin_rate), wish)
        return np.asarray(wish, dtype=np.float64)

    def of(
        self,
        confidence: ArrayLike,
        branch_id: ArrayLike | None = None,
        recent_audits: ArrayLike | None = None,
    ) -> NDArray[np.float64]:
        """The chance of each of n products to be audited, shape (n,), in [floor, most].

        Parameters
        ----------
        confidence : array-like of shape (n,), in [0, 1]
            Unknown (nan) counts as unsure.
        branch_id : array-like of n str, optional
            The branch that the model suggests.
        recent_audits : array-like of int, shape (n,), optional
            Audits of the last `recent_days`, before the day began, in the product's suggested branch
            or category, whichever has fewer (see `fewest_recent`).
        """
        wish = self.wishes(confidence, branch_id, recent_audits)
        return exact_probability(np.clip(self.scale * wish, self.floor, self.most))

    def within_budget(
        self,
        volume: float,
        confidence: ArrayLike,
        branch_id: ArrayLike | None = None,
        recent_audits: ArrayLike | None = None,
    ) -> Rates:
        """These rates with the scale at which `daily_budget` audits are expected on a day.

        Parameters
        ----------
        volume : float
            Products expected on the day.
        confidence, branch_id, recent_audits
            Of products as they are expected, such as those of the last days.

        Returns
        -------
        Rates
            Itself where there is no budget. Where the floor alone takes more than the budget, the floor
            stands and more audits than the budget are to be expected (see `expected_audits`).
        """
        wish = self.wishes(confidence, branch_id, recent_audits)
        if self.daily_budget is None or not wish.size or volume <= 0:
            return self
        share = self.daily_budget / volume

        def surplus(scale: float) -> float:
            return float(np.clip(scale * wish, self.floor, self.most).mean()) - share

        low, high = 0.0, self.most / float(wish.min())
        if surplus(high) <= 0:
            return replace(self, scale=high)
        for _ in range(100):  # bisection to the last digit
            middle = (low + high) / 2
            low, high = (middle, high) if surplus(middle) <= 0 else (low, middle)
        return replace(self, scale=low)

    def expected_audits(self, volume: float, confidence: ArrayLike, **known: Any) -> float:
        """Audits to be expected of `volume` products such as these."""
        rate = self.of(confidence, **known)
        return float(volume * rate.mean()) if rate.size else 0.0

    def record(self) -> dict[str, Any]:
        """As plain values, as a rates file holds them."""
        return dataclasses.asdict(self) | {
            "bands": [dataclasses.asdict(band) for band in self.bands],
            "branches": dict(self.branches),
        }

    @classmethod
    def of_record(cls, content: Any, source: str) -> Rates:
        """From plain values; `ConfigurationError` names `source` and what is wrong there."""
        known = {one.name for one in dataclasses.fields(cls)}
        if not isinstance(content, Mapping):
            raise ConfigurationError(f"{source}: names with values are wanted, such as floor: 0.02")
        for name in content:
            if name not in known:
                from aisle.config import suggest

                raise ConfigurationError(f"{source}: '{name}' is not a setting of audit rates{suggest(name, known)}")
        values = dict(content)
        try:
            values["bands"] = tuple(Band(**band) for band in values.get("bands") or ())
            values["branches"] = {str(name): rate for name, rate in dict(values.get("branches") or {}).items()}
            return cls(**values)
        except (TypeError, ValueError) as error:
            raise ConfigurationError(
                f"{source}: bands are a list of {{below, rate}}, branches are names with rates ({error})"
            ) from error
        except ConfigurationError as error:
            raise ConfigurationError(f"{source}: {error}") from error


def _check(name: str, value: Any, low: float, high: float, open_low: bool = False) -> None:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not low <= value <= high or (open_low and value == low):
        hint = f"; write {value:g} % as {value / 100:g}" if number and high < 2 and 1 < value <= 100 else ""
        ends = f"{'(' if open_low else '['}{low:g}, {high:g}]"
        raise ConfigurationError(f"audit rates: {name} is {value!r}; it must be a number in {ends}{hint}")


def read_rates(path: Path | str) -> Rates:
    """Rates from a small JSON or YAML file; in `params.yaml` they are the section `audit`.

    Raises
    ------
    ConfigurationError
        For a file that is not there or cannot be read, an unknown name, a number out of range.
    """
    path = Path(path)
    if not path.is_file():
        raise ConfigurationError(f"{path}: no such file; `aisle plan audits --save {path}` writes one")
    if path.suffix == ".json":
        return Rates.of_record(read_json(path), str(path))
    import yaml

    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path}: not YAML ({' '.join(str(error).split())})") from error
    return Rates.of_record(content or {}, str(path))


def write_rates(rates: Rates, path: Path | str) -> None:
    """Write a rates file (JSON), atomically."""
    write_json(path, rates.record())


def fewest_recent(
    branch_id: ArrayLike,
    category_id: ArrayLike,
    audits_of_branch: Mapping[str, int],
    audits_of_category: Mapping[str, int],
) -> NDArray[np.int64]:
    """Of each of n products, the recent audits of its branch or its category, whichever has fewer; shape (n,)."""
    counts = []
    for names, known in ((branch_id, audits_of_branch), (category_id, audits_of_category)):
        different, number = np.unique(np.asarray(names, dtype=str), return_inverse=True)
        counts.append(np.array([known.get(str(name), 0) for name in different], dtype=np.int64)[number])
    return np.minimum(*counts)
