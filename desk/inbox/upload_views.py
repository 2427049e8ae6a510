"""Pages that take a file: choose it, see its first rows, name its columns, see it being stored."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_http_methods

from aisle.errors import AisleError, DataError, one_line
from desk.inbox import columns
from desk.inbox.models import Upload, UploadState
from desk.inbox.standing import standing
from desk.inbox.uploads import MOST_BYTES, keep, path_of, said
from desk.people import events
from desk.people.access import page, person_of
from desk.people.models import Role

_FORM = 1 << 20  # bytes of a form besides its file


@csrf_exempt  # … until its size is known: the check reads the whole body
@require_http_methods(["GET", "HEAD", "POST"])
@page(Role.BUSINESS)
def choose(request: HttpRequest) -> HttpResponse:
    """Take a file."""
    if request.method == "POST":
        if int(request.headers.get("Content-Length") or 0) > MOST_BYTES + _FORM:
            return _choose(
                request, f"The file is larger than {MOST_BYTES >> 20} MB; split it, or use `aisle desk load`", 413
            )
        return _take(request)
    return _choose(request)


def _choose(request: HttpRequest, mistake: str = "", status: int = 200) -> HttpResponse:
    return render(request, "inbox/choose.html", {"mistake": mistake, "most_bytes": MOST_BYTES}, status=status)


@csrf_protect
def _take(request: HttpRequest) -> HttpResponse:
    file = request.FILES.get("file")
    if not isinstance(file, UploadedFile):
        return _choose(request, "Choose a file first.", 400)
    try:
        kept = keep(file.name or "file", file.chunks(), person_of(request))
    except DataError as error:
        return _choose(request, one_line(error), 400)
    return redirect("upload-one", kept.pk)


@require_http_methods(["GET", "HEAD", "POST"])
@page(Role.BUSINESS)
def upload(request: HttpRequest, key: UUID) -> HttpResponse:
    """The columns of a file, and once they are named how far it is."""
    found = Upload.objects.filter(pk=key).first()
    if found is None:
        raise Http404
    if found.state != UploadState.CHOSEN:
        return render(request, "inbox/progress.html", {"upload": found, "working": standing().working})
    if not path_of(found).exists():
        found.delete()
        return _choose(request, f"{found.name} is no longer here; send it again.", 404)
    if request.method == "POST" and "forget" in request.POST:
        path_of(found).unlink(missing_ok=True)
        found.delete()
        return redirect("inbox")
    return _columns(request, found)


def _columns(request: HttpRequest, found: Upload) -> HttpResponse:
    path = path_of(found)
    chosen: dict[str, Any] = dict(found.mapping or columns.guessed_options(found.kind, path))
    sent = request.POST
    for name, known in (("encoding", columns.ENCODINGS), ("delimiter", tuple(columns.DELIMITERS))):
        if sent.get(name) in known:
            chosen[name] = sent[name]
    chosen |= {
        "quotes": sent.get("quotes") != "no",
        "decimal": "," if sent.get("decimal") == "," else ".",
        "unique_by_seller": "unique_by_seller" in sent,
        "fields": {},
    }
    shown, mistake = None, ""
    try:
        shown = columns.preview(found, path, chosen)
        named = {field: sent.get(f"column-{field}", "") for field in columns.FIELDS}
        asked = any(f"column-{field}" in sent for field in columns.FIELDS)
        chosen["fields"] = {
            field: column if column in shown.names else "" for field, column in named.items()
        } if asked else {field: shown.guesses.get(field, "") for field in columns.FIELDS}  # fmt: skip
        if "store" in sent:
            columns.check(found, shown, chosen)
            _start(request, found, chosen)
            return redirect("upload-one", found.pk)
    except AisleError as error:
        mistake = said(found, error)
    values = {
        "upload": found, "preview": shown, "chosen": chosen, "mistake": mistake, "encodings": columns.ENCODINGS,
        "delimiters": columns.DELIMITERS.items(),
        "fields": [
            (field, label, chosen["fields"].get(field, ""), field in columns.REQUIRED)
            for field, (label, _) in columns.FIELDS.items()
        ],
    }  # fmt: skip
    return render(request, "inbox/columns.html", values, status=400 if mistake and "store" in sent else 200)


@transaction.atomic
def _start(request: HttpRequest, found: Upload, chosen: dict[str, Any]) -> None:
    found.mapping, found.state = chosen, UploadState.CHECKING
    found.save()
    events.record(person_of(request), "file sent", found.name, upload=str(found.pk), bytes=found.bytes)
