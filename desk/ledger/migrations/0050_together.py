"""Joins what the labelling and the quality pages added."""

from __future__ import annotations

from django.db import migrations


class Migration(migrations.Migration):
    """Changes nothing."""

    dependencies = [("ledger", "0020_labelling"), ("ledger", "0030_quality")]
    operations = []
