"""What each role reaches: pages, and scopes of the API."""

from __future__ import annotations

from desk.people.models import Role, Scope

# A page for the role on the left is open to the roles on the right.
ROLES: dict[str, frozenset[str]] = {
    Role.LABELLER: frozenset({Role.LABELLER, Role.REVIEWER, Role.ADMINISTRATOR}),
    Role.BUSINESS: frozenset({Role.BUSINESS, Role.REVIEWER, Role.ADMINISTRATOR}),
    Role.REVIEWER: frozenset({Role.REVIEWER, Role.ADMINISTRATOR}),
    Role.ADMINISTRATOR: frozenset({Role.ADMINISTRATOR}),
}
_SCOPES: dict[str, frozenset[str]] = {
    Scope.INTAKE: ROLES[Role.BUSINESS],
    Scope.ANSWER: ROLES[Role.LABELLER],
    Scope.READ: ROLES[Role.BUSINESS],
    Scope.ALARM: ROLES[Role.REVIEWER],
    Scope.BRAKE: ROLES[Role.BUSINESS],
}


def scopes_of(role: str) -> frozenset[str]:
    """The scopes that a role carries, in a session as by a token."""
    return frozenset(str(scope) for scope, roles in _SCOPES.items() if role in roles)
