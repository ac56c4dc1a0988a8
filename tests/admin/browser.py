"""A form as a browser reads it from a page and sends it back: line ends, hidden fields, radios."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

from django.http import HttpResponse


class _Reader(HTMLParser):
    """Collects the fields of the form that has a button named ``button``, or the last form."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[dict[str, Any]] = []
        self.area: str | None = None
        self.select: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "form":
            self.forms.append({"action": given.get("action") or "", "fields": {}, "buttons": {}})
        elif tag == "textarea":
            self.area = given["name"] or ""
            self.fields.setdefault(self.area, []).append("")
        elif tag == "select":
            self.select = given.get("name")
        elif tag == "option" and self.select and "selected" in given:
            self.fields[self.select] = [given["value"] or ""]
        elif tag == "input":
            self._input(given)

    def _input(self, given: dict[str, str | None]) -> None:
        name, kind = given.get("name"), given.get("type")
        value = given.get("value") or ("on" if kind == "checkbox" else "")
        if not name or kind == "file" or not self.forms:
            return
        if kind == "submit":
            self.forms[-1]["buttons"][name] = value
        elif kind not in ("radio", "checkbox") or "checked" in given:
            self.fields.setdefault(name, []).append(value)

    def handle_data(self, data: str) -> None:
        if self.area is not None:
            self.fields[self.area][-1] += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea" and self.area is not None:
            # A parser takes CR LF for LF, and drops a line end right behind the tag.
            text = re.sub("\r\n?", "\n", self.fields[self.area][-1])
            self.fields[self.area][-1] = text.removeprefix("\n")
            self.area = None
        elif tag == "select":
            self.select = None

    @property
    def fields(self) -> dict[str, list[str]]:
        fields: dict[str, list[str]] = self.forms[-1]["fields"]
        return fields


def form_of(response: HttpResponse) -> dict[str, Any]:
    """The fields of the page's last form, ready to be posted: in texts CR LF ends each line."""
    reader = _Reader()
    reader.feed(response.content.decode())
    fields = reader.fields
    return {
        name: values if len(values) > 1 or name == "_selected_action" else sent(values[0])
        for name, values in fields.items()
        if name != "csrfmiddlewaretoken"
    }


def action_of(response: HttpResponse) -> str:
    """Where the page's last form is posted to."""
    reader = _Reader()
    reader.feed(response.content.decode())
    return str(reader.forms[-1]["action"])


def sent(text: str) -> str:
    """A text as a browser sends it."""
    return re.sub("\r\n|\r|\n", "\r\n", text)


def text_of(response: HttpResponse) -> str:
    """What a reader sees of the page, with single spaces."""
    parts: list[str] = []
    parser = HTMLParser()
    parser.handle_data = parts.append  # type: ignore[method-assign]
    parser.feed(response.content.decode())
    return " ".join(" ".join(parts).split())


def attributes_of(response: HttpResponse) -> set[str]:
    """The names of all attributes in the page."""
    names: set[str] = set()
    parser = HTMLParser()
    parser.handle_starttag = lambda tag, attrs: names.update(  # type: ignore[method-assign]
        name for name, _ in attrs
    )
    parser.feed(response.content.decode())
    return names
