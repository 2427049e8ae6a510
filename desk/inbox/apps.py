"""The inbox as a Django application."""

from __future__ import annotations

from django.apps import AppConfig


class InboxConfig(AppConfig):
    """Name, label and kind of keys."""

    name = "desk.inbox"
    label = "inbox"
    default_auto_field = "django.db.models.BigAutoField"
