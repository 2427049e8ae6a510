"""People and tokens as a Django application."""

from __future__ import annotations

from django.apps import AppConfig


class PeopleConfig(AppConfig):
    """Name, label and kind of keys."""

    name = "desk.people"
    label = "people"
    default_auto_field = "django.db.models.BigAutoField"
