"""The quality pages as a Django application."""

from __future__ import annotations

from django.apps import AppConfig


class QualityConfig(AppConfig):
    """Name, label and kind of keys."""

    name = "desk.quality"
    label = "quality"
    default_auto_field = "django.db.models.BigAutoField"
