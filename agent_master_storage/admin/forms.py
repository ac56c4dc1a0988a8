"""The forms that a value is written with. Each carries what was seen of its key."""

from __future__ import annotations

from typing import Any, cast

from django import forms
from django.contrib.admin.widgets import AdminRadioSelect
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.utils.html import format_html

from .. import serialization as wire
from ..backends.base import BaseStorage
from ..exceptions import InvalidKey, InvalidValue
from ..handler import storages
from ..keys import MAX_KEY_LENGTH, check_key, check_value
from . import jsontext
from .content import Content, is_json, keep_line_ends, unify_line_ends
from .stores import MISSING, Stored
from .widgets import ValueArea

KINDS = [("json", "JSON"), ("text", "Text"), ("file", "File")]


class ValueForm(forms.Form):
    """A value as JSON, text or file. ``cleaned_data["value"]`` is bytes, or None: unchanged."""

    kind = forms.ChoiceField(
        label="Content", choices=KINDS, widget=AdminRadioSelect({"class": "radiolist inline"})
    )
    text = forms.CharField(label="Value", required=False, strip=False, widget=ValueArea)
    file = forms.FileField(
        required=False,
        allow_empty_file=True,
        help_text="The file's bytes become the value, exactly as they are.",
    )

    def __init__(
        self, *args: Any, storage: BaseStorage, base: Stored | None = None, **kwargs: Any
    ) -> None:
        """``base`` is the value that the page showed and that was edited."""
        super().__init__(*args, **kwargs)
        self.label_suffix = ""
        self.storage = storage
        self.base = base

    def clean(self) -> dict[str, Any]:
        """Make the value's bytes of what was chosen."""
        cleaned = super().clean() or self.cleaned_data
        if "kind" not in cleaned or self.errors:
            return cleaned
        where = "file" if cleaned["kind"] == "file" else "text"
        try:
            value = self._file(cleaned) if where == "file" else self._text(cleaned)
            cleaned["value"] = value and check_value(value, self.storage.max_value_size)
        except (InvalidValue, ValidationError) as error:
            self.add_error(where, _sentence(error))
        return cleaned

    def _file(self, cleaned: dict[str, Any]) -> bytes | None:
        file = cast("UploadedFile[Any] | None", cleaned.get("file"))
        if file is None:
            if self.base is not None and self.base.content.kind == "file":
                return None
            raise ValidationError("Choose a file, or another kind of content.")
        if file.size is not None and file.size > self.storage.max_value_size:
            raise ValidationError(
                f"The file has {file.size:,} bytes, more than the"
                f" {self.storage.max_value_size:,} allowed."
            )
        return self._unless_same(bytes(file.read()))

    def _text(self, cleaned: dict[str, Any]) -> bytes | None:
        if cleaned.get("file"):
            raise ValidationError("You chose a file as well: set the content to File to use it.")
        text: str = cleaned["text"]
        stored = self.base.content.text if self.base else None
        if cleaned["kind"] == "json":
            wire.loads(unify_line_ends(text))
            if stored is not None and is_json(stored) and jsontext.same(text, stored):
                return None
        if stored is not None and unify_line_ends(text) == unify_line_ends(stored):
            return None
        return self._unless_same(_encode(keep_line_ends(text, stored)))

    def _unless_same(self, value: bytes) -> bytes | None:
        return None if self.base is not None and self.base.content.value == value else value


class EditForm(ValueForm):
    """Changes the value of a key."""

    revision = forms.CharField(widget=forms.HiddenInput)

    @classmethod
    def showing(cls, storage: BaseStorage, stored: Stored, mine: Content | None = None) -> EditForm:
        """The form of a stored value; ``mine`` is to be edited on in its place."""
        content = mine or stored.content
        text = "" if content.kind == "file" else content.text
        initial = {"kind": content.kind, "text": text, "revision": stored.seen}
        return cls(storage=storage, base=stored, initial=initial)


class AddForm(ValueForm):
    """Makes a new key."""

    alias = forms.ChoiceField(label="Storage")
    key = forms.CharField(
        strip=False,
        widget=forms.TextInput(attrs={"class": "vTextField ams-key", "autocomplete": "off"}),
        help_text=f"1 to {MAX_KEY_LENGTH} characters; “:” by habit separates parts.",
    )
    field_order = ("alias", "key", "kind", "text", "file")

    def __init__(self, *args: Any, aliases: list[str], **kwargs: Any) -> None:
        """``aliases`` are those in which the user may add."""
        super().__init__(*args, **kwargs)
        cast("forms.ChoiceField", self.fields["alias"]).choices = [(a, a) for a in aliases]

    def clean_alias(self) -> str:
        """Take the chosen storage's limits."""
        alias: str = self.cleaned_data["alias"]
        self.storage = storages[alias]
        return alias

    def clean_key(self) -> str:
        """Refuse what is no key."""
        try:
            return check_key(self.cleaned_data["key"])
        except InvalidKey as error:
            raise ValidationError(_sentence(error)) from error

    def refuse_existing(self, url: str) -> None:
        """Say that the key is there already, and where."""
        message = format_html('This key exists already: <a href="{}">edit it</a>.', url)
        self.add_error("key", ValidationError(message))


class MineForm(forms.Form):
    """A version that met a newer one, sent again from the page that showed both."""

    mine = forms.CharField(widget=forms.HiddenInput, required=False)
    revision = forms.CharField(widget=forms.HiddenInput, initial=MISSING)

    def clean_mine(self) -> bytes:
        """The value's bytes."""
        try:
            return wire.decode(self.cleaned_data["mine"], "base64")
        except InvalidValue as error:
            raise ValidationError(_sentence(error)) from error


def _encode(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise ValidationError("The text holds half a character, which can't be stored.") from error


def _sentence(error: Exception) -> str:
    if isinstance(error, ValidationError):
        return str(error.messages[0])
    text = str(error)
    return f"{text[:1].upper()}{text[1:]}."
