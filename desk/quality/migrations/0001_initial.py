"""What business owners set."""

from __future__ import annotations

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import migrations, models


class Migration(migrations.Migration):
    """The terms that figures are held against."""

    initial = True
    dependencies: list[tuple[str, str]] = []
    operations = [
        migrations.CreateModel(
            name="Terms",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "promised",
                    models.FloatField(
                        default=93.0,
                        help_text="What the policy of the model in service was made for: "
                        "`target_accuracy`, in per cent.",
                        validators=[MinValueValidator(0.1), MaxValueValidator(99.99)],
                        verbose_name="Promised accuracy of automatic decisions, in %",
                    ),
                ),
                (
                    "seconds_a_label",
                    models.FloatField(
                        default=10.0,
                        validators=[MinValueValidator(0.1), MaxValueValidator(3600)],
                        verbose_name="Seconds a label",
                    ),
                ),
                ("currency", models.CharField(blank=True, default="", max_length=10, verbose_name="Currency")),
                (
                    "cost_of_error",
                    models.FloatField(
                        blank=True,
                        help_text="Empty: not known; no money is shown then.",
                        null=True,
                        validators=[MinValueValidator(0)],
                        verbose_name="Cost of a wrong automatic decision",
                    ),
                ),
                (
                    "cost_of_review",
                    models.FloatField(
                        blank=True,
                        help_text="Wages and all, for one answer. Empty: not known.",
                        null=True,
                        validators=[MinValueValidator(0)],
                        verbose_name="Cost of a person's look",
                    ),
                ),
            ],
        ),
    ]
