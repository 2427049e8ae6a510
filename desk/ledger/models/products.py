"""What came in, and what the service said of it."""

from __future__ import annotations

from django.db import models

from desk.ledger.models.base import WrittenOnce


class Source(models.TextChoices):
    """By whom a product has its category in the catalogue."""

    NONE = "none", "not decided yet"
    AUTO = "auto", "decided automatically"
    REVIEW = "review", "decided in a review"
    AUDIT = "audit", "changed by an audit"
    CORRECTION = "correction", "corrected"


class Decision(models.TextChoices):
    """What happens to a product."""

    AUTO = "auto", "automatic"
    REVIEW = "review", "by people"


class Product(models.Model):
    """A product as it stands now; its history lies in the other tables."""

    product_id = models.CharField(max_length=200, unique=True)
    seller = models.CharField(max_length=200, blank=True, default="", db_index=True)
    received_at = models.DateTimeField(db_index=True)  # first receipt
    revision = models.PositiveIntegerField(default=1)  # the latest
    category_id = models.CharField(max_length=200, null=True, blank=True)  # in the catalogue, now
    branch_id = models.CharField(max_length=200, null=True, blank=True)
    source = models.CharField(max_length=12, choices=Source.choices, default=Source.NONE)
    settled_at = models.DateTimeField(null=True, blank=True)
    # The draw of the audit, fixed when the first prediction is stored.
    audit_probability = models.FloatField(null=True, blank=True)
    audit_drawn = models.BooleanField(null=True, blank=True)
    blind = models.BooleanField(null=True, blank=True)
    double = models.BooleanField(default=False)  # to be labelled twice, independently

    class Meta:
        indexes = [models.Index(fields=["source", "id"], name="product_by_source")]

    def __str__(self) -> str:
        return self.product_id


class Revision(WrittenOnce):
    """The texts of a product, from one change to the next."""

    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="revisions")
    number = models.PositiveIntegerField()
    title = models.CharField(max_length=1000)
    description = models.TextField(null=True, blank=True)
    brand = models.CharField(max_length=200, null=True, blank=True)
    seller_category = models.CharField(max_length=1000, null=True, blank=True)
    price = models.FloatField(null=True, blank=True)
    currency = models.CharField(max_length=10, null=True, blank=True)
    seller = models.CharField(max_length=200, null=True, blank=True)
    content_hash = models.CharField(max_length=64)  # of the texts, to know a product that is sent again
    received_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["product", "number"], name="one_revision_of_a_number")]


class Waiting(models.Model):
    """A revision that waits for the service; gone in the same moment as its prediction is there."""

    revision = models.OneToOneField(Revision, on_delete=models.CASCADE, primary_key=True)
    tries = models.PositiveIntegerField(default=0)
    next_try_at = models.DateTimeField(db_index=True)
    last_error = models.CharField(max_length=300, blank=True, default="")
    refused = models.BooleanField(default=False)  # by the service, for what it holds: only a new revision helps


class Prediction(WrittenOnce):
    """What the service said of a revision, and what was decided then."""

    revision = models.ForeignKey(Revision, on_delete=models.PROTECT, related_name="predictions")
    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="predictions")
    predicted_at = models.DateTimeField(db_index=True)
    category_id = models.CharField(max_length=200)
    branch_id = models.CharField(max_length=200)
    confidence = models.FloatField()
    branch_confidence = models.FloatField()
    threshold = models.FloatField(null=True, blank=True)
    decided_id = models.CharField(max_length=200, null=True, blank=True)
    start_branch_id = models.CharField(max_length=200, null=True, blank=True)
    service_decision = models.CharField(max_length=6, choices=Decision.choices)
    decision = models.CharField(max_length=6, choices=Decision.choices)  # after the brakes
    brake = models.ForeignKey("ledger.Brake", on_delete=models.PROTECT, null=True, blank=True)
    reason = models.CharField(max_length=40)
    alternatives = models.JSONField(default=list)  # [[category_id, probability], …], best first
    model_version = models.CharField(max_length=100)
    policy_id = models.CharField(max_length=40)
    bento_tag = models.CharField(max_length=200, null=True, blank=True)
    audit_probability = models.FloatField()
    audit_drawn = models.BooleanField()
    blind = models.BooleanField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["revision", "model_version"], name="one_prediction_a_revision_and_model")
        ]
        # The least chance of an audit of a time, without looking at all its predictions.
        indexes = [models.Index(fields=["audit_probability", "predicted_at"], name="prediction_least_chance")]


class Tally(models.Model):
    """Predictions counted by day, branch, seller, model version and decision: what pages add up quickly.

    Changed in the same transaction as the predictions that it counts.
    """

    day = models.DateField()
    branch_id = models.CharField(max_length=200)
    seller = models.CharField(max_length=200, blank=True, default="")
    model_version = models.CharField(max_length=100)
    decision = models.CharField(max_length=6, choices=Decision.choices)
    products = models.PositiveIntegerField(default=0)
    drawn = models.PositiveIntegerField(default=0)
    confidence_sum = models.FloatField(default=0.0)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["day", "branch_id", "seller", "model_version", "decision"], name="one_tally_a_slice"
            )
        ]
