"""Labelling as a Django application."""

from __future__ import annotations

from django.apps import AppConfig


class LabellingConfig(AppConfig):
    """Name, label and kind of keys."""

    name = "desk.labelling"
    label = "labelling"
    default_auto_field = "django.db.models.BigAutoField"
