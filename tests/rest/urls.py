"""The REST API alone, and a sign that the server runs."""

from __future__ import annotations

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.urls import include, path


@transaction.non_atomic_requests(using="nowhere")
def ready(request: HttpRequest) -> HttpResponse:
    return HttpResponse()


urlpatterns = [
    path("storage/", include("agent_master_storage.rest.urls")),
    path("schema/", ready),
]
