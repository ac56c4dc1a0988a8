"""The live page at the root, and what a project mounts: the admin, the API, Swagger."""

from __future__ import annotations

from django.apps import apps
from django.contrib import admin
from django.contrib.auth.views import LogoutView
from django.urls import include, path

from agent_master_storage import __version__

from . import views

urlpatterns = [
    path("", views.live, name="live"),
    path("login/", views.Login.as_view(), name="login"),
    path("logout/", LogoutView.as_view(), name="logout"),
    path("admin/", admin.site.urls),
    path("storage/", include("agent_master_storage.rest.urls")),
    path("engine/", include("agent_master_storage.engine.rest.urls")),
]

if apps.is_installed("drf_spectacular"):
    from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView

    schema = SpectacularAPIView.as_view(custom_settings={"VERSION": __version__})
    urlpatterns += [
        path("schema/", schema, name="schema"),
        path("docs/", SpectacularSwaggerView.as_view(url_name="schema"), name="docs"),
    ]
