"""The draw of the audit: which products people check, whatever the model said of them.

A keyed hash of (secret, product_id, UTC date of first receipt) is held against a rate. The same
product gets the same answer wherever and how often it is asked; nobody without the secret can say
which products will be drawn; and the probability that is recorded is exactly the chance of being
drawn, so that estimates can weigh each audit by its inverse (Horvitz & Thompson 1952, "A
generalization of sampling without replacement from a finite universe"). Draws are independent
of each other (Poisson sampling; Särndal, Swensson & Wretman 1992, "Model assisted survey sampling").
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aisle.errors import ConfigurationError

SECRET_VARIABLE = "AISLE_AUDIT_SECRET"
LEAST_SECRET = 32
_STEPS = 2.0**53  # a hash falls on one of so many numbers in [0, 1), each a float exactly


class Secret:
    """What makes the draw unpredictable; never shown, never stored.

    Raises
    ------
    ConfigurationError
        For fewer than 32 characters, or fewer than 8 different ones.
    """

    __slots__ = ("_key",)

    def __init__(self, text: str) -> None:
        if len(text) < LEAST_SECRET:
            raise ConfigurationError(
                f"{SECRET_VARIABLE} has {len(text)} characters, {LEAST_SECRET} are the least; "
                "make one with `openssl rand -hex 32` and keep it: another secret is another draw"
            )
        if len(set(text)) < 8:
            raise ConfigurationError(f"{SECRET_VARIABLE} can be guessed; make one with `openssl rand -hex 32`")
        self._key = text.encode("utf-8", "surrogatepass")

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Secret:
        """The secret in the variable AISLE_AUDIT_SECRET; `ConfigurationError` where there is none."""
        text = environment.get(SECRET_VARIABLE)
        if not text:
            raise ConfigurationError(
                f"{SECRET_VARIABLE} is not set: without a secret anyone could tell which products are audited; "
                "set it to the output of `openssl rand -hex 32`, the same one every day"
            )
        return cls(text)

    def __repr__(self) -> str:
        return "Secret(…)"

    def __reduce__(self) -> str:
        raise TypeError("a secret is not stored")

    def uniform(self, purpose: str, product_id: Sequence[str], received_on: ArrayLike) -> NDArray[np.float64]:
        """A number in [0, 1) of each product, shape (n,): HMAC-SHA256 of purpose, date and product_id.

        Purposes are independent of each other. `received_on` is of shape (n,) or one date for all.
        """
        days = np.broadcast_to(utc_days(received_on), len(product_id))
        different, number = np.unique(days, return_inverse=True)
        # Neither a purpose nor a date holds a zero byte, so no two products share a message.
        heads = [f"{purpose}\0{day}\0".encode() for day in different]
        key, digest = self._key, hmac.digest
        content = bytearray()
        for identifier, place in zip(product_id, number.tolist(), strict=True):
            content += digest(key, heads[place] + identifier.encode("utf-8", "surrogatepass"), "sha256")[:8]
        whole = np.frombuffer(bytes(content), dtype=">u8").astype(np.uint64)
        return (whole >> np.uint64(11)).astype(np.float64) / _STEPS


def utc_day(moment: datetime) -> date:
    """The UTC date of a moment; one without a time zone counts as UTC."""
    return (moment if moment.tzinfo is None else moment.astimezone(UTC)).date()


def utc_days(moments: ArrayLike) -> NDArray[np.datetime64]:
    """Dates (or times in UTC, as numpy holds them) as numpy's days; `ConfigurationError` where one is missing."""
    days = np.asarray(moments, dtype="datetime64[D]")
    if np.isnat(days).any():
        raise ConfigurationError("the date of first receipt is missing; the draw needs it")
    return days


def exact_probability(rate: ArrayLike) -> NDArray[np.float64]:
    """`rate`, in (0, 1], as the nearest chance that a draw can have exactly: whole steps of 2⁻⁵³, at least one."""
    asked = np.asarray(rate, dtype=np.float64)
    if not ((asked > 0) & (asked <= 1)).all():
        raise ConfigurationError("an audit rate must lie in (0, 1]: a product that cannot be drawn is not audited")
    return np.maximum(np.rint(asked * _STEPS), 1.0) / _STEPS


@dataclass(frozen=True)
class Draw:
    """What was drawn, arrays of shape (n,).

    Attributes
    ----------
    audit_probability : array of float in (0, 1]
        Exactly the chance of being drawn; to be recorded of every product, drawn or not.
    audit_drawn : array of bool
    blind : array of bool
        Drawn, and to be shown without a suggestion.
    double : array of bool
        Drawn, and to be labelled by two people whatever the first one says.
    """

    audit_probability: NDArray[np.float64]
    audit_drawn: NDArray[np.bool_]
    blind: NDArray[np.bool_]
    double: NDArray[np.bool_]


def draw(
    secret: Secret,
    product_id: Sequence[str],
    received_on: ArrayLike,
    rate: ArrayLike,
    blind_share: float = 0.0,
    double_share: float = 0.0,
) -> Draw:
    """Draw audits among n products, each with its own chance, independently of each other.

    Parameters
    ----------
    secret : Secret
    product_id : sequence of n str
    received_on : array-like of dates, shape (n,) or ()
        UTC date of the first receipt (see `utc_day`).
    rate : array-like of float in (0, 1], shape (n,) or ()
        See `Rates.of`.
    blind_share, double_share : float in [0, 1]
        Of the drawn ones; drawn by hashes of their own, independent of the audit's and each other.

    Raises
    ------
    ConfigurationError
        For a rate or a share out of range, or a missing date.
    """
    days = np.broadcast_to(utc_days(received_on), len(product_id))
    probability = np.broadcast_to(exact_probability(rate), len(product_id)).copy()
    drawn = secret.uniform("audit", product_id, days) < probability
    places = np.flatnonzero(drawn)
    chosen = [product_id[place] for place in places.tolist()]
    parts = []
    for purpose, share in (("blind", blind_share), ("double", double_share)):
        part = np.zeros(len(product_id), dtype=bool)
        part[places] = draw_share(secret, purpose, chosen, days[places], share)
        parts.append(part)
    return Draw(probability, drawn, *parts)


def draw_share(
    secret: Secret, purpose: str, product_id: Sequence[str], received_on: ArrayLike, share: float
) -> NDArray[np.bool_]:
    """Whether each of n products belongs to a random `share`, in [0, 1], of its own for each purpose; shape (n,).

    Such as the reviews that are labelled twice: `draw_share(secret, "double review", …)`.
    """
    if not 0 <= share <= 1:
        raise ConfigurationError(f"the share of {purpose} audits is {share:g}; it must lie in [0, 1]")
    if share in (0, 1):
        return np.full(len(product_id), bool(share))
    return secret.uniform(purpose, product_id, received_on) < exact_probability(share)
