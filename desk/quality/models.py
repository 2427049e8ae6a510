"""What business owners set: the promise, the time of a label, prices."""

from __future__ import annotations

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

_ONLY = 1


class Terms(models.Model):
    """One row: what the figures of the quality page are held against and counted in."""

    promised = models.FloatField(
        "Promised accuracy of automatic decisions, in %",
        default=93.0,
        validators=[MinValueValidator(0.1), MaxValueValidator(99.99)],
        help_text="What the policy of the model in service was made for: `target_accuracy`, in per cent.",
    )
    seconds_a_label = models.FloatField(
        "Seconds a label", default=10.0, validators=[MinValueValidator(0.1), MaxValueValidator(3600)]
    )
    currency = models.CharField("Currency", max_length=10, blank=True, default="")
    cost_of_error = models.FloatField(
        "Cost of a wrong automatic decision", null=True, blank=True, validators=[MinValueValidator(0)],
        help_text="Empty: not known; no money is shown then.",
    )  # fmt: skip
    cost_of_review = models.FloatField(
        "Cost of a person's look", null=True, blank=True, validators=[MinValueValidator(0)],
        help_text="Wages and all, for one answer. Empty: not known.",
    )  # fmt: skip

    @property
    def target(self) -> float:
        """The promise as a share in (0, 1)."""
        return self.promised / 100

    @property
    def priced(self) -> bool:
        """Whether both prices are set."""
        return self.cost_of_error is not None and self.cost_of_review is not None


def terms() -> Terms:
    """What is set, or the defaults, not stored."""
    return Terms.objects.filter(pk=_ONLY).first() or Terms(pk=_ONLY)
