"""Addresses of quality: pages below `quality/`, the API below `api/`."""

from __future__ import annotations

from django.urls import path

from desk.quality import alarms, files, people_page, terms_page, views

urlpatterns = [
    path("", views.quality, name="quality"),
    path("csv/<slug:name>/", files.table, name="quality-csv"),
    path("terms/", terms_page.terms, name="quality-terms"),
    path("people/", people_page.people, name="quality-people"),
    path("people/csv/", people_page.people_csv, name="quality-people-csv"),
    path("alarms/", alarms.alarms, name="alarms"),
    path("alarms/<int:pk>/", alarms.alarm, name="alarm"),
]
api_urlpatterns = [
    path("alarms", alarms.raise_alarm, name="api-alarms"),
    path("quality", views.quality_json, name="api-quality"),
]
