"""Which page and which part of the API answers to which address."""

from __future__ import annotations

from django.urls import include, path

from desk.history import urls as history
from desk.inbox import urls as inbox
from desk.labelling import urls as labelling
from desk.people import urls as people
from desk.quality import urls as quality

urlpatterns = [
    path("", include(people)),
    path("inbox/", include(inbox)),
    path("label/", include(labelling)),
    path("quality/", include(quality)),
    path("products/", include(history)),
    path("brakes/", include(history.brake_urlpatterns)),
    path("api/", include(inbox.api_urlpatterns)),
    path("api/", include(labelling.api_urlpatterns)),
    path("api/", include(quality.api_urlpatterns)),
    path("api/", include(history.api_urlpatterns)),
]
handler400 = "desk.people.problems.bad_request"
handler403 = "desk.people.problems.forbidden"
handler404 = "desk.people.problems.not_found"
handler500 = "desk.people.problems.server_error"
