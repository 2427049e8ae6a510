"""Addresses of log-in, home, people, tokens and the log."""

from __future__ import annotations

from django.urls import path

from desk.people import home, pages, sessions, token_pages

urlpatterns = [
    path("", home.home, name="home"),
    path("log-in/", sessions.LogIn.as_view(), name="log-in"),
    path("log-out/", sessions.LogOut.as_view(), name="log-out"),
    path("password/", sessions.own_password, name="own-password"),
    path("people/", pages.people, name="people"),
    path("people/new/", pages.new_person, name="new-person"),
    path("people/<int:pk>/", pages.person, name="person"),
    path("people/<int:pk>/password/", pages.reset_password, name="reset-password"),
    path("tokens/", token_pages.token_list, name="tokens"),
    path("tokens/<int:pk>/revoke/", token_pages.revoke, name="revoke-token"),
    path("log/", pages.log, name="log"),
]
