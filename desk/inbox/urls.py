"""Addresses of the inbox: pages below `inbox/`, the API below `api/`."""

from __future__ import annotations

from django.urls import path

from desk.inbox import api, upload_views, views

urlpatterns = [
    path("", views.inbox, name="inbox"),
    path("now/", views.now, name="inbox-now"),
    path("again/", views.again, name="inbox-again"),
    path("upload/", upload_views.choose, name="upload"),
    path("upload/<uuid:key>/", upload_views.upload, name="upload-one"),
]
api_urlpatterns = [
    path("products", api.take_products, name="api-products"),
    path("products/<path:product_id>", api.product_standing, name="api-product"),
]
