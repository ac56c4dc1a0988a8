"""A server as a form."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar, cast

from django import forms
from django.core.exceptions import ValidationError
from django.utils.html import format_html

from .... import serialization as wire
from ....admin.content import unify_line_ends
from ....admin.jsontext import pretty
from ....exceptions import InvalidValue
from ... import Server, ServerConfig
from ...exceptions import InvalidServer
from ...secrets import restore
from ...server import MAX_NAME_LENGTH, TRANSPORTS, check_name, checked
from .rows import PairsWidget, Row, RowsField, RowsWidget, rows_of
from .secrets import Json, Original

T = TypeVar("T")

SCRIPT = "agent_master_storage_engine/admin/servers.js"

_NAMED = frozenset(ServerConfig.model_fields) - {"metadata"}
TEXT = {"class": "vTextField ams-key", "autocomplete": "off", "spellcheck": "false"}


class ServerForm(forms.Form):
    """A server. ``config`` and ``internal`` are what the engine is to be given."""

    enabled = forms.BooleanField(required=False, help_text="Off: no destination has it.")
    transport = forms.ChoiceField(
        choices=[(name, name) for name in TRANSPORTS],
        help_text="How a client talks to it: a process of its own, or an address.",
    )
    command = forms.CharField(required=False, strip=False, widget=forms.TextInput(TEXT))
    args = RowsField(
        label="Arguments",
        required=False,
        widget=RowsWidget("argument"),
        help_text="One a row, in this order, as the command gets them.",
    )
    url = forms.CharField(
        label="URL", required=False, widget=forms.TextInput({**TEXT, "inputmode": "url"})
    )
    headers = RowsField(required=False, widget=PairsWidget("header"))
    env = RowsField(
        label="Environment",
        required=False,
        widget=PairsWidget("variable"),
        help_text="References such as ${TOKEN} are kept as they are, for the client to fill in.",
    )
    sync_targets = RowsField(
        required=False,
        widget=RowsWidget("destination"),
        help_text="Names of destinations that get it; “all” is every one.",
    )
    other = forms.CharField(
        label="Other fields",
        required=False,
        widget=forms.Textarea({"rows": 4, "class": "ams-text", "spellcheck": "false"}),
        help_text="What clients know beside these, as a JSON object. Kept as it is.",
    )

    def __init__(
        self,
        *args: Any,
        server: Server | None = None,
        server_name: str = "",
        destinations: Iterable[str] = (),
        reveal: bool = False,
        **kwargs: Any,
    ) -> None:
        """``server`` is the stored one, if it is there; ``reveal`` shows its secrets."""
        self.server = server
        self.server_name = server_name
        self.original = Original(server.config if server else None)
        if server is not None:
            shown = self.original.clear if reveal else self.original.masked
            kwargs["initial"] = _initial(server, shown) | kwargs.get("initial", {})
        super().__init__(*args, **kwargs)
        self.label_suffix = ""
        cast("RowsWidget", self.fields["sync_targets"].widget).choices = ["all", *destinations]
        lines = str(self["other"].value() or "").count("\n") + 1
        self.fields["other"].widget.attrs["rows"] = min(max(lines, 3), 20)
        if server and server.transport not in TRANSPORTS:
            # Shown, so that it can be seen; a save needs one that there is.
            field = cast("forms.ChoiceField", self.fields["transport"])
            choices = [(name, name) for name in (*TRANSPORTS, server.transport)]
            field.choices = choices
        self.config: ServerConfig | None = None
        self.internal: Json = {}

    @property
    def media(self) -> forms.Media:
        """The script that adds and moves rows."""
        return super().media + forms.Media(js=[SCRIPT])

    def clean(self) -> Json:
        """Make the configuration of what was typed."""
        cleaned = super().clean() or self.cleaned_data
        config = self._typed(cleaned)
        if self.errors:
            return cleaned
        try:
            self.config = checked(cleaned.get("name") or self.server_name, config)
        except InvalidServer as error:
            self._tell(error)
        return cleaned

    def _typed(self, cleaned: Json) -> Json:
        original = self.original

        def read(field: str, how: Callable[[str, Any], T]) -> T | None:
            try:
                return how(field, cleaned.get(field) or "")
            except ValidationError as error:
                self.add_error(field, error)
                return None

        config = {
            "transport": cleaned.get("transport"),
            "command": read("command", original.text),
            "args": read("args", original.list),
            "env": read("env", original.pairs),
            "url": read("url", original.text),
            "headers": read("headers", original.pairs),
        }
        self.internal = {
            "enabled": cleaned.get("enabled", False),
            "syncTargets": _texts(cleaned.get("sync_targets") or []),
        }
        other = read("other", self._other) or {}
        return {name: value for name, value in config.items() if value} | other

    def _other(self, field: str, typed: str) -> Json:
        try:
            found = wire.loads(unify_line_ends(typed)) if typed.strip() else {}
            if not isinstance(found, dict):
                raise ValidationError("This must be a JSON object.")
            if named := _NAMED.intersection(found) | {"internal"}.intersection(found):
                raise ValidationError(f"{sorted(named)[0]!r} has a place of its own.")
            restored: Json = restore(found, _others(self.original.clear))
        except InvalidValue as error:
            raise ValidationError(sentence(error)) from error
        return restored

    def _tell(self, error: InvalidServer) -> None:
        """Each fault at the field that it is about."""
        for problem in error.problems:
            field = problem.partition(":")[0].partition(".")[0]
            place = field if field in self.fields else None
            self.add_error(place, f"{problem}.")

    # What is to be done

    @property
    def changes_config(self) -> bool:
        """Whether the configuration is another than the stored one."""
        return self.config is not None and self.config.to_dict() != self.original.clear

    @property
    def changed_internal(self) -> Json:
        """What is to be set under ``internal``."""
        if self.server is None:
            return self.internal
        stored = self.server.internal
        before = {"enabled": stored.enabled, "syncTargets": list(stored.sync_targets)}
        return {key: part for key, part in self.internal.items() if part != before[key]}

    def as_typed(self) -> Json:
        """What was typed as an object, masks and faults included, for a comparison."""
        given = self.data
        widgets = self.fields

        def rows(name: str) -> list[Row]:
            widget = cast("RowsWidget", widgets[name].widget)
            return widget.value_from_datadict(given, {}, name)

        config: Json = {"transport": given.get("transport", "")}
        for name in ("command", "url"):
            config[name] = given.get(name, "")
        config["args"] = _texts(rows("args"))
        for name in ("env", "headers"):
            config[name] = {row.name: row.text for row in rows(name) if row.name}
        try:
            other = wire.loads(given.get("other") or "{}")
        except InvalidValue:
            other = {"other fields": given.get("other")}
        config |= other if isinstance(other, dict) else {"other fields": other}
        shown = {name: value for name, value in config.items() if value}
        return shown | {
            "enabled": "enabled" in given,
            "syncTargets": _texts(rows("sync_targets")),
        }


class AddServerForm(ServerForm):
    """A new server."""

    alias = forms.ChoiceField(label="Storage")
    name = forms.CharField(
        strip=False,
        max_length=MAX_NAME_LENGTH,
        widget=forms.TextInput(TEXT),
        help_text="As clients show it; any characters.",
    )
    field_order = ("alias", "name")

    def __init__(self, *args: Any, aliases: Sequence[str], **kwargs: Any) -> None:
        """``aliases`` are those in which the user may add."""
        super().__init__(*args, **kwargs)
        cast("forms.ChoiceField", self.fields["alias"]).choices = [(a, a) for a in aliases]

    def clean_name(self) -> str:
        """Refuse what is no name."""
        return checked_name(self.cleaned_data["name"])

    def refuse_existing(self, url: str) -> None:
        """Say that there is such a server, and where."""
        message = format_html('There is such a server already: <a href="{}">edit it</a>.', url)
        self.add_error("name", ValidationError(message))


def checked_name(name: str) -> str:
    """``name``; ValidationError when no server may have it."""
    try:
        return check_name(name)
    except InvalidServer as error:
        raise ValidationError([sentence(problem) for problem in error.problems]) from error


def sentence(error: object) -> str:
    """A message as a sentence; one that begins with a place begins as it is."""
    text = str(error)
    if getattr(error, "where", ""):
        return f"{text}."
    return f"{text[:1].upper()}{text[1:]}."


def _initial(server: Server, shown: Json) -> Json:
    config = server.config
    other = _others(shown)
    return {
        "enabled": server.enabled,
        "transport": config.transport,
        "command": shown.get("command", ""),
        "args": rows_of(shown.get("args", [])),
        "url": shown.get("url", ""),
        "headers": rows_of(shown.get("headers", {})),
        "env": rows_of(shown.get("env", {})),
        "sync_targets": rows_of(server.internal.sync_targets),
        "other": pretty(wire.dumps(other)) if other else "",
    }


def _others(config: Json) -> Json:
    return {name: part for name, part in config.items() if name not in _NAMED}


def _texts(rows: Sequence[Row]) -> list[str]:
    return [row.text for row in rows if row.text]
