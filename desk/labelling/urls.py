"""Addresses of labelling: pages below `label/`, the API below `api/`."""

from __future__ import annotations

from django.urls import path

from desk.labelling import api, views

urlpatterns = [
    path("", views.label, name="label"),
    path("mine/", views.mine, name="label-mine"),
    path("mine/<uuid:uuid>/undo/", views.undo, name="label-undo"),
]
api_urlpatterns = [
    path("tasks/claim", api.claim, name="api-claim"),
    path("answers", api.give, name="api-answer"),
    path("answers/undo", api.undo, name="api-undo"),
    path("categories", api.categories, name="api-categories"),
    path("categories/search", api.find, name="api-search"),
]
