"""Addresses of products and brakes."""

from __future__ import annotations

from django.urls import path

from desk.history import brake_pages, pages

urlpatterns = [
    path("", pages.products, name="products"),
    path("<int:pk>/", pages.product, name="product"),
    path("categories/", pages.categories, name="product-categories"),
]
brake_urlpatterns = [
    path("", brake_pages.brakes, name="brakes"),
    path("<int:pk>/release/", brake_pages.release, name="release-brake"),
]
api_urlpatterns = [path("brakes", brake_pages.set_by_api, name="api-brakes")]
