"""The ledger as a Django application."""

from __future__ import annotations

from django.apps import AppConfig


class LedgerConfig(AppConfig):
    """Name, label and kind of keys."""

    name = "desk.ledger"
    label = "ledger"
    default_auto_field = "django.db.models.BigAutoField"
