"""History is written once: the database itself refuses to change it."""

from __future__ import annotations

from django.db import migrations

from desk.ledger.triggers import written_once


class Migration(migrations.Migration):
    """After the tables."""

    dependencies = [("ledger", "0001_initial")]
    operations = [
        written_once("ledger_revision", "ledger_prediction", "ledger_answer", "ledger_correction", "ledger_event")
    ]
