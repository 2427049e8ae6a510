"""Rows that are written once."""

from __future__ import annotations

from typing import Any, NoReturn

from django.db import models


class WrittenOnce(models.Model):
    """A row that nobody changes or deletes: history."""

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Write a new row; `TypeError` for one that is there already."""
        if not self._state.adding:
            raise TypeError(f"a {self._meta.verbose_name} is written once; write another one instead of changing it")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Refuse."""
        raise TypeError(f"a {self._meta.verbose_name} is never deleted")
