"""The smaller forms: rename, import, export, backup."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from django import forms

from ....admin.content import unify_line_ends
from ... import formats
from ...server import MAX_NAME_LENGTH
from .forms import TEXT, checked_name
from .secrets import Json

_MODES = [
    ("merge", "Merge: add new servers, update those that are there"),
    ("skip", "Skip: add new servers, leave those that are there alone"),
    ("replace", "Replace: the same as merge, and remove all others"),
]


class RenameForm(forms.Form):
    """Another name."""

    new_name = forms.CharField(
        strip=False, max_length=MAX_NAME_LENGTH, widget=forms.TextInput(TEXT)
    )

    def clean_new_name(self) -> str:
        """Refuse what is no name."""
        return checked_name(self.cleaned_data["new_name"])


class AliasForm(forms.Form):
    """A form about the document of one storage."""

    alias = forms.ChoiceField(label="Storage")

    def __init__(self, *args: Any, aliases: Sequence[str], **kwargs: Any) -> None:
        """``aliases`` are those to choose from."""
        super().__init__(*args, **kwargs)
        self.label_suffix = ""
        cast("forms.ChoiceField", self.fields["alias"]).choices = [(a, a) for a in aliases]


def _format_choices() -> list[tuple[str, str]]:
    return [(one.name, f"{one.name}: {one.title}") for one in formats.all_formats()]


def _syntax_choices(first: str) -> list[tuple[str, str]]:
    return [("", first), *((name, name.upper()) for name in formats.SYNTAXES)]


class ImportForm(AliasForm):
    """A configuration to be taken over, as a file or a text."""

    file = forms.FileField(required=False, help_text="JSON, YAML or TOML.")
    text = forms.CharField(
        required=False,
        strip=False,
        widget=forms.Textarea({"rows": 14, "class": "ams-text", "spellcheck": "false"}),
        help_text="Or paste it here.",
    )
    format = forms.ChoiceField(required=False)
    mode = forms.ChoiceField(choices=_MODES, initial="merge")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """See AliasForm."""
        super().__init__(*args, **kwargs)
        choices = [("", "Told by what it holds"), *_format_choices()]
        cast("forms.ChoiceField", self.fields["format"]).choices = choices

    def clean(self) -> Json:
        """``data``: the text or the file's bytes."""
        cleaned = super().clean() or self.cleaned_data
        file, text = cleaned.get("file"), cleaned.get("text", "")
        if file and text.strip():
            self.add_error("text", "You chose a file as well: empty this to use it.")
        elif file:
            cleaned["data"] = file.read()
        elif text.strip():
            cleaned["data"] = unify_line_ends(text)
        elif "file" not in self.errors:
            self.add_error("file", "Choose a file, or paste a text.")
        return cleaned


class ExportForm(AliasForm):
    """What is to be given."""

    format = forms.ChoiceField()
    syntax = forms.ChoiceField(required=False, choices=_syntax_choices("As the client has it"))
    include_disabled = forms.BooleanField(
        required=False, label="Disabled servers too", help_text="They are marked as switched off."
    )
    secrets = forms.BooleanField(
        required=False,
        label="With secrets",
        help_text="Without them the file is for people; clients need them.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """See AliasForm."""
        super().__init__(*args, **kwargs)
        cast("forms.ChoiceField", self.fields["format"]).choices = _format_choices()


class BackupForm(AliasForm):
    """A backup to be made."""

    description = forms.CharField(required=False, max_length=200, widget=forms.TextInput(TEXT))
