"""The history as a Django application."""

from __future__ import annotations

from django.apps import AppConfig


class HistoryConfig(AppConfig):
    """Name, label and kind of keys."""

    name = "desk.history"
    label = "history"
    default_auto_field = "django.db.models.BigAutoField"
