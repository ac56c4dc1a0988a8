"""The browsable API: every page renders, and its forms work."""

from __future__ import annotations

import json
import re
from html import unescape
from html.parser import HTMLParser
from typing import Any
from urllib.parse import unquote

import pytest
from django.test import Client

from .api import ISOLATED, JSON, MERGE_PATCH, OCTETS, Api
from .conftest import LogIn

pytestmark = ISOLATED

ACCEPT = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,image/webp,*/*;q=0.8"}


class Page(HTMLParser):
    """Collect the forms and the text fields of a page."""

    def __init__(self, answer: Any, status: int = 200) -> None:
        super().__init__()
        assert answer.status_code == status
        assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
        self.methods: list[str] = []
        self.types: list[str] = []
        self.areas: list[str] = []
        self._inside = False
        self.html = answer.content.decode()
        self.feed(self.html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag == "form" and "data-method" in values:
            self.methods.append(str(values["data-method"]))
        if tag == "button" and "js-tooltip" in (values.get("class") or ""):
            self.methods.append(str(values.get("data-method") or ""))
        if tag == "option":
            self.types.append(str(values.get("value")))
        if tag == "textarea":
            self._inside = True
            self.areas.append("")

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.areas[-1] += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea":
            self._inside = False

    @property
    def shown(self) -> str:
        """Return the response that the page shows."""
        found = re.search(r'class="response-info".*?</pre>', self.html, re.S)
        assert found is not None
        return unescape(re.sub(r"<[^>]+>", "", found[0]))


def get(api: Api, path: str, status: int = 200) -> Page:
    return Page(api.client.get(f"/storage/{path}", headers=ACCEPT), status)


@pytest.mark.parametrize(
    ("path", "status", "methods"),
    [
        ("", 200, set()),
        ("memory/", 200, set()),
        ("memory/entries", 200, {"PUT", "PATCH", "DELETE"}),
        ("memory/entries/config", 200, {"PUT", "PATCH", "DELETE"}),
        ("memory/entries?key=config", 200, {"PUT", "PATCH", "DELETE"}),
        ("memory/entries/new", 404, {"PUT", "PATCH", "DELETE"}),
        ("memory/changes", 200, set()),
        ("memory/commit", 405, {"POST"}),
        ("plain/", 200, set()),
        ("plain/entries", 200, {"PUT", "PATCH", "DELETE"}),
        ("plain/changes", 501, set()),
    ],
)
def test_every_route_has_a_page(memory: Api, path: str, status: int, methods: set[str]) -> None:
    memory.put("config", b'{"a": "</textarea><script>alert(1)</script>"}')
    page = get(memory, path, status)
    assert "admin" in page.html
    assert "<script>alert" not in page.html
    assert methods <= set(page.methods) | ({"POST"} if page.areas else set())
    assert bool(page.areas) == bool(methods)


def test_page_shows_the_entry_and_prefills_the_form(memory: Api) -> None:
    value = '{"a": "<b>é</b>"}'
    memory.put("config", value)
    page = get(memory, "memory/entries/config")
    assert json.dumps(value, ensure_ascii=False) in page.shown
    assert json.loads(page.areas[0]) == {"value": value, "encoding": "utf-8"}
    assert page.types == [JSON, OCTETS, MERGE_PATCH]


def test_prefilled_form_can_be_submitted(memory: Api) -> None:
    memory.put("config", b"\xff\x00")
    area = get(memory, "memory/entries/config").areas[0]
    sent = memory.put("config", area, JSON, headers=ACCEPT)
    assert Page(sent).shown.startswith('class="response-info"')
    assert memory.storage.read("config") == b"\xff\x00"
    new = get(memory, "memory/entries/new", 404).areas[0]
    assert memory.put("new", new, JSON).status_code == 201
    commit = get(memory, "memory/commit", 405).areas[0]
    assert memory.send("POST", None, commit, JSON, what="commit").status_code == 200


def test_form_responses_are_pages(memory: Api) -> None:
    Page(memory.put("config", b"{}", headers=ACCEPT), 201)
    Page(memory.patch("config", {"a": 1}, headers=ACCEPT))
    Page(memory.put("config", "{", JSON, headers=ACCEPT), 400)
    Page(memory.put("config", headers=ACCEPT | {"If-Match": '"9"'}), 412)
    Page(memory.commit({"op": "delete", "key": "none"}, headers=ACCEPT), 404)
    # A page needs content.
    Page(memory.delete("config", headers=ACCEPT), 200)
    assert memory.storage.list() == []


def test_list_page_links_to_the_next(memory: Api) -> None:
    for number in range(3):
        memory.put(f"key-{number}")
    page = get(memory, "memory/entries?limit=2")
    link = json.loads(page.shown[page.shown.index("{") :])["next"]
    assert "after=key-1" in link
    assert "key-2" in Page(memory.client.get(link, headers=ACCEPT)).shown


def test_anonymous_user_gets_an_error_page() -> None:
    for path in ("", "memory/", "memory/entries", "memory/entries/a", "memory/changes"):
        page = Page(Client().get(f"/storage/{path}", headers=ACCEPT), 401)
        assert "not_authenticated" in page.shown
        assert page.areas == []


def test_forms_require_permission(log_in: LogIn) -> None:
    page = get(Api(log_in("ann", "view"), "memory"), "memory/entries")
    assert page.areas == []
    assert not {"PUT", "PATCH", "DELETE"} & set(page.methods)


@pytest.mark.parametrize(
    ("path", "way"),
    [
        ("", ["Storages"]),
        ("memory", ["Storages", "memory"]),
        ("memory/", ["Storages", "memory"]),
        ("memory/entries", ["Storages", "memory", "Entries"]),
        ("memory/entries/?limit=2", ["Storages", "memory", "Entries"]),
        ("memory/entries/a%2Fb%3F", ["Storages", "memory", "Entries", "Entry"]),
        ("memory/changes?since=0", ["Storages", "memory", "Changes"]),
    ],
)
def test_breadcrumbs(memory: Api, path: str, way: list[str]) -> None:
    memory.put("a/b?", b"x")
    page = get(memory, path)
    crumbs = page.html.partition('class="breadcrumb"')[2].partition("</ul>")[0]
    links = re.findall(r'href="([^"]*)">([^<]*)<', crumbs)
    assert [name for _, name in links] == way
    for link, _ in links:
        assert memory.client.get(unescape(link), headers=ACCEPT).status_code == 200
    assert unquote(unescape(links[-1][0])).rstrip("/") == unquote(f"/storage/{path}").rstrip("/")


@pytest.mark.parametrize(
    ("path", "description"),
    [
        ("", "The storages that you may view."),
        ("memory/", "The revision, the epoch and the capabilities of a storage."),
        ("memory/entries", "The entries of a storage"),
        ("memory/entries/k", "A key and its value."),
        ("memory/changes", "The change log of a storage."),
    ],
)
def test_page_has_a_description(memory: Api, path: str, description: str) -> None:
    memory.put("k", b"x")
    assert description in get(memory, path).html


@pytest.mark.parametrize("path", ["memory/entries/", "none/", "memory/none/"])
def test_path_of_a_thousand_slashes_renders(memory: Api, path: str) -> None:
    answer = memory.client.get(f"/storage/{path}{'a/' * 3000}", headers=ACCEPT)
    assert answer.status_code in (400, 404)


def test_format_parameter_selects_the_renderer(memory: Api) -> None:
    memory.put("config")
    page = memory.client.get("/storage/memory/entries/config?format=json", headers=ACCEPT)
    assert page.headers["Content-Type"] == JSON
