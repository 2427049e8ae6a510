"""The export as a Django application."""

from __future__ import annotations

from django.apps import AppConfig


class ExportConfig(AppConfig):
    """Name, label and kind of keys."""

    name = "desk.export"
    label = "export"
    default_auto_field = "django.db.models.BigAutoField"
