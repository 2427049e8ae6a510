"""People with roles, tokens with scopes."""

from __future__ import annotations

from django.contrib.auth.models import AbstractUser
from django.db import models


class Role(models.TextChoices):
    """What a person may do; each role may all that the ones before it may, but for `business`."""

    LABELLER = "labeller", "Labeller"
    BUSINESS = "business", "Business owner"
    REVIEWER = "reviewer", "Reviewer"
    ADMINISTRATOR = "administrator", "Administrator"


class Person(AbstractUser):
    """Somebody who works at the desk."""

    role = models.CharField(max_length=20, choices=Role.choices, default=Role.LABELLER)

    class Meta:
        verbose_name = "person"
        verbose_name_plural = "people"


def called_like(name: str) -> Person | None:
    """Who has this name, whatever the case of its letters; databases differ in what they take for the same."""
    wanted = name.casefold()
    return next((one for one in Person.objects.order_by("pk") if one.username.casefold() == wanted), None)


class Scope(models.TextChoices):
    """What a program may do."""

    INTAKE = "intake", "Send products"
    ANSWER = "answer", "Take tasks and answer them"
    READ = "read", "Read products, quality and categories"
    ALARM = "alarm", "Raise alarms"
    BRAKE = "brake", "Set brakes"


class Token(models.Model):
    """A key of a program. Only its SHA-256 is kept: the key itself is long and random, and shown once."""

    name = models.CharField(max_length=100)
    prefix = models.CharField(max_length=12, unique=True)
    sha256 = models.CharField(max_length=64)
    scopes = models.JSONField(default=list)
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="tokens")
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"
