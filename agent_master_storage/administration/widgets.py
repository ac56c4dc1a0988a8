"""The field that text and JSON are edited in.

It is a plain text field. With django_json_widget installed and in INSTALLED_APPS, a script puts
the JSON editor in front of it, for documents that JavaScript does not harm, and keeps the text
in step; it checks MCP configurations by their JSON Schema. Without scripts the form works as well.
"""

from __future__ import annotations

import json
from typing import Any

from django import forms
from django.apps import apps

from ..engine import formats, schemas
from ..exceptions import InvalidValue
from . import jsontext
from .content import is_json

try:
    from django_json_widget.widgets import JSONEditorWidget
except ImportError:
    JSONEditorWidget = None

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
    """The JSON Schema that the editor checks the text by as one types; empty for other texts.

    A document of somebody else's may look like one of ours: it must be right to begin with.
    """
    try:
        found = formats.parse(text, syntax="json")
    except InvalidValue:
        return ""
    return json.dumps(schemas.for_editor(found.format))
