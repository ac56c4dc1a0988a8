"""A destination as a form."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from django import forms

from ... import formats
from ...destinations.destination import Destination
from ...destinations.files import ROOTS, allowed_roots
from ...exceptions import InvalidDestination
from ..servers.forms import TEXT

#: what the form decides about
FIELDS = (
    "config_path",
    "config_format",
    "enabled",
    "requires_sanitization",
    "supports_projects",
    "server_name_pattern",
)


class DestinationForm(forms.Form):
    """A destination. What could not work is said by the engine, and put to the field."""

    config_path = forms.CharField(
        label="File",
        required=False,
        strip=False,
        widget=forms.TextInput(TEXT),
    )
    config_format = forms.ChoiceField(label="Format", required=False)
    enabled = forms.BooleanField(
        required=False, initial=True, help_text="Off: no sync writes there."
    )
    requires_sanitization = forms.BooleanField(
        required=False,
        label="Fit names",
        help_text="Names of servers are made to fit [a-zA-Z0-9_-]{1,64}, as some clients want.",
    )
    supports_projects = forms.BooleanField(
        required=False,
        label="Projects",
        help_text="Servers of one project alone go under its folder, as in ~/.claude.json.",
    )
    server_name_pattern = forms.CharField(
        label="Only names like",
        required=False,
        strip=False,
        widget=forms.TextInput(TEXT),
        help_text="A regular expression; servers whose name does not match it are left out.",
    )

    def __init__(self, *args: Any, destination: Destination | None = None, **kwargs: Any) -> None:
        """``destination`` is the stored one."""
        found = destination.model_dump(include=set(FIELDS)) if destination else {}
        kwargs["initial"] = found | kwargs.get("initial", {})
        super().__init__(*args, **kwargs)
        self.label_suffix = ""
        self.fields["config_path"].help_text = _about_paths()
        names = [(one.name, f"{one.name}: {one.title}") for one in formats.all_formats()]
        stored = found.get("config_format", "")
        if not stored:
            names.insert(0, ("", "Told by the file’s path"))
        elif stored not in formats.names():
            # A word of the Go engine's, or the name of a client.
            names.insert(0, (stored, stored))
        cast("forms.ChoiceField", self.fields["config_format"]).choices = names

    def refuse(self, error: InvalidDestination) -> None:
        """Show the reason why the engine refused the destination, at the field that caused it."""
        field = error.field if error.field in self.fields else None
        self.add_error(field, f"{error.reason[:1].upper()}{error.reason[1:]}.")


class AddDestinationForm(DestinationForm):
    """A new one: its storage and name as well."""

    alias = forms.ChoiceField(label="Storage")
    name = forms.CharField(strip=False, max_length=200, widget=forms.TextInput(TEXT))

    def __init__(self, *args: Any, aliases: Sequence[str], **kwargs: Any) -> None:
        """``aliases`` are those to choose from."""
        super().__init__(*args, **kwargs)
        cast("forms.ChoiceField", self.fields["alias"]).choices = [(a, a) for a in aliases]


def _about_paths() -> str:
    """Where a file may be, when it is to be written from here."""
    roots = allowed_roots()
    text = "Absolute, or from the home folder with ~/. Empty: a key of the storage."
    if roots is None:
        return f"{text} No folder is allowed for files that are synced here: see {ROOTS}."
    return f"{text} Files are synced here inside {', '.join(map(str, roots))}."
