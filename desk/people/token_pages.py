"""Pages of administrators: tokens."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST

from desk.people import access, tokens
from desk.people.forms import NewToken
from desk.people.models import Role, Scope, Token
from desk.people.reach import scopes_of


@access.page(Role.ADMINISTRATOR)
def token_list(request: HttpRequest) -> HttpResponseBase:
    """All tokens, and a form for a new one; its key is on the answer to that form and nowhere else."""
    me = access.person_of(request)
    form = NewToken(request.POST or None, initial={"person": me.pk})
    key = None
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        made, key = tokens.create(me, given["person"], given["name"], given["scopes"], given["last_day"])
        messages.success(request, f"The token {made.name} is made. Its key is shown this one time.")
        form = NewToken(initial={"person": me.pk})
    rows = Token.objects.select_related("person").order_by("revoked_at", "-created_at")
    shown = [(token, _state(token), _scopes(token)) for token in rows]
    return render(request, "people/tokens.html", {"tokens": shown, "form": form, "key": key})


@require_POST
@access.page(Role.ADMINISTRATOR)
def revoke(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Refuse a token from now on."""
    token = get_object_or_404(Token, pk=pk)
    tokens.revoke(access.person_of(request), token)
    messages.success(request, f"The token {token.name} is revoked; the API refuses it from now on.")
    return redirect("tokens")


def _scopes(token: Token) -> list[str]:
    """What it may, in words; what the role of its person does not carry any more is marked."""
    carried = scopes_of(token.person.role)
    return [Scope(one).label + ("" if one in carried else " (refused: not for this role)") for one in token.scopes]


def _state(token: Token) -> str:
    if token.revoked_at is not None:
        return "revoked"
    if token.expires_at is not None and token.expires_at <= timezone.now():
        return "expired"
    return "valid" if token.person.is_active else "its person left"
