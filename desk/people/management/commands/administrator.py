"""`aisle desk manage administrator NAME`: the first administrator, or one who lost the password."""

from __future__ import annotations

import getpass
import sys
from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from desk.people import events
from desk.people.models import Person, Role, called_like


class Command(BaseCommand):
    """Makes a person an administrator with a new password, which is asked for or read from standard input."""

    help = "Make a person an administrator, with a new password (asked for, or the first line of standard input)."

    def add_arguments(self, parser: CommandParser) -> None:
        """Who."""
        parser.add_argument("name", help="name for the log-in")

    def handle(self, *_: Any, **options: Any) -> None:
        """Create or change the person."""
        from axes.utils import reset

        name = str(options["name"])
        with transaction.atomic():
            found = Person.objects.select_for_update().filter(username=name).first()
            if found is None and (other := called_like(name)):
                raise CommandError(f"somebody is called {other.username}; write the name so, or choose another one")
            person = found or Person(username=name)
            person.role, person.is_active = Role.ADMINISTRATOR, True
            try:
                person.clean_fields(exclude=["password"])
                password = _password()
                validate_password(password, person)
            except ValidationError as error:
                raise CommandError(" ".join(error.messages)) from error
            person.set_password(password)
            person.save()
            reset(username=name)
            events.record(None, "administrator set", name, new=found is None)
        self.stdout.write(f"{name} is an administrator and can log in")


def _password() -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    password = getpass.getpass("New password: ")
    if getpass.getpass("Again: ") != password:
        raise CommandError("the two are not the same; nothing was changed")
    return password
