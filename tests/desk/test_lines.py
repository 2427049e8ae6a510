from __future__ import annotations

import io
import logging
from collections.abc import Callable

import pytest
from django.test import Client

pytestmark = pytest.mark.django_db
EVIL = "evil.example.org/" + "x" * 500


def told(monkeypatch: pytest.MonkeyPatch, name: str) -> io.StringIO:
    """What comes to the log of that name from now on, as it is written."""
    written = io.StringIO()
    (handler,) = (one for one in logging.getLogger(name).handlers if type(one) is logging.StreamHandler)
    monkeypatch.setattr(handler, "stream", written)
    return written


def test_a_host_that_is_not_ours_is_a_line_of_the_log(monkeypatch: pytest.MonkeyPatch) -> None:
    log = told(monkeypatch, "django.security")
    answer = Client(raise_request_exception=False).get("/log-in/", headers={"Host": EVIL})
    assert answer.status_code == 400
    (line,) = log.getvalue().splitlines()
    assert "ERROR django.security.DisallowedHost: Invalid HTTP_HOST header: 'evil.example.org" in line
    assert len(line) < 400


def test_a_failure_of_ours_keeps_its_traceback(
    client_of: Callable[..., Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    log = told(monkeypatch, "django.request")
    client = client_of("labeller")
    client.raise_request_exception = False
    monkeypatch.setattr("desk.people.home._work", lambda *_: 1 / 0)
    assert client.get("/").status_code == 500
    assert "ZeroDivisionError" in log.getvalue()
    assert "Traceback" in log.getvalue()
