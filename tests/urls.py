"""The app's two faces over HTTP, as a project mounts them."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView

urlpatterns = [
    path("admin/", admin.site.urls),
    path("storage/", include("agent_master_storage.rest.urls")),
    path("engine/", include("agent_master_storage.engine.rest.urls")),
    path("schema/", SpectacularAPIView.as_view(), name="schema"),
]
