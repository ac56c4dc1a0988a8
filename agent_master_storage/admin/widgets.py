"""The field that text and JSON are edited in.

It is a plain text field. With django_json_widget installed and in INSTALLED_APPS, a script puts
the JSON editor in front of it, for documents that JavaScript does not harm, and keeps the text
in step; it checks MCP configurations by their JSON Schema. Without scripts the form works as well.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django import forms
from django.apps import apps

from . import jsontext
from .content import is_json

try:
    from django_json_widget.widgets import JSONEditorWidget
except ImportError:
    JSONEditorWidget = None

#: functions that return a JSON Schema, as text, by which the editor validates a document while it
#: is edited; "" for a document that they do not know. An app adds its own from ``admin.py``.
schema_finders: list[Callable[[str], str]] = []

SCRIPT = "agent_master_storage/admin/editor.js"


def editor_media() -> forms.Media:
    """What django_json_widget brings, or nothing when it is not installed."""
    if JSONEditorWidget is None or not apps.is_installed("django_json_widget"):
        return forms.Media()
    media: forms.Media = JSONEditorWidget().media
    return media


class ValueArea(forms.Textarea):
    """A text field that the script may put a JSON editor in front of."""

    def __init__(self) -> None:
        super().__init__({"rows": 24, "spellcheck": "false", "wrap": "off", "class": "ams-text"})

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        """Tell the script which document it must leave alone."""
        context = super().get_context(name, value, attrs)
        fragile = is_json(value or "") and not jsontext.survives_javascript(value)
        context["widget"]["attrs"]["data-fragile"] = "yes" if fragile else "no"
        if not fragile and (schema := _schema(value or "")):
            context["widget"]["attrs"]["data-schema"] = schema
        return context

    @property
    def media(self) -> forms.Media:
        """The editor before the script that uses it."""
        return editor_media() + forms.Media(js=[SCRIPT])


def _schema(text: str) -> str:
    """Return the first JSON Schema that one of ``schema_finders`` has for the text, or ""."""
    return next((schema for find in schema_finders if (schema := find(text))), "")
