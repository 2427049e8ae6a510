"""Log-in, log-out, one's own password."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.forms import AuthenticationForm, PasswordChangeForm
from django.contrib.auth.views import LoginView, LogoutView
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.debug import sensitive_post_parameters

from desk.people import events
from desk.people.access import page, person_of


class LogIn(LoginView):
    """The log-in; failures are counted and locked out by axes."""

    template_name = "people/log_in.html"
    authentication_form = AuthenticationForm
    redirect_authenticated_user = True


class LogOut(LogoutView):
    """The log-out, by POST only."""

    http_method_names = ["post", "options"]


@sensitive_post_parameters()
@page()
def own_password(request: HttpRequest) -> HttpResponseBase:
    """Change one's own password; other sessions of the same person end."""
    person = person_of(request)
    form = PasswordChangeForm(person, request.POST or None)
    if request.method == "POST" and form.is_valid():
        form.save()
        update_session_auth_hash(request, person)
        events.record(person, "password changed", person.username)
        messages.success(request, "Your password is changed. Your other sessions have ended.")
        return redirect("home")
    return render(request, "people/own_password.html", {"form": form})
