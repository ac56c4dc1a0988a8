"""Nothing that users meet is missing from the documents, and what they name is there."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.contrib.auth.password_validation import get_password_validators, validate_password

from agent_master_storage import checks, exceptions
from agent_master_storage.backends.base import BaseStorage
from agent_master_storage.backends.database.storage import DatabaseStorage
from agent_master_storage.backends.redis import RedisStorage
from agent_master_storage.consumers import protocol as frames
from agent_master_storage.consumers.consumer import StorageConsumer
from agent_master_storage.rest import exceptions as errors

from .blocks import ROOT, blocks
from .runner import PASSWORD, USER

README = ROOT / "README.md"
DOCS = ROOT / "docs"
DOCUMENTS = [README, ROOT / "CHANGELOG.md", *sorted(DOCS.glob("*.md"))]

_LINK = re.compile(r"\]\((?!https?:)([^)#\s]+)?(?:#([^)\s]+))?\)")
_TEST = re.compile(r"`(test_\w+)`")


def text(path: Path) -> str:
    return path.read_text("utf-8")


def test_every_option_is_explained() -> None:
    for backend in (BaseStorage, DatabaseStorage, RedisStorage):
        for parameter in inspect.signature(backend.__init__).parameters.values():
            if parameter.kind is parameter.KEYWORD_ONLY and parameter.name != "alias":
                assert f"| `{parameter.name}` |" in text(README)
                assert f"| `{parameter.name}` |" in text(DOCS / "settings.md")


def test_every_check_is_explained() -> None:
    found = re.findall(r"[EW]\d{3}", checks.__doc__ or "")
    assert found == sorted(set(re.findall(r"[EW]\d{3}", inspect.getsource(checks))))
    for number in found:
        assert f"| `agent_master_storage.{number}` |" in text(DOCS / "settings.md")


def test_every_limit_of_the_websocket_is_explained() -> None:
    numbers = [
        name for name, value in vars(StorageConsumer).items() if isinstance(value, int | float)
    ]
    own = [name for name in numbers if not name.startswith("__")]
    assert "max_watches" in own
    for name in own:
        assert f"`{name}`" in text(DOCS / "websocket.md")
    for op in frames.FIELDS:
        assert f"| `{op}` |" in text(DOCS / "websocket.md")


def test_every_error_is_explained() -> None:
    tree = [exceptions.StorageError, *_subclasses(exceptions.StorageError)]
    ours = [cls for cls in tree if cls.__module__ == exceptions.__name__]
    assert len(ours) > 8
    for cls in ours:
        assert f"| `{cls.__name__}` |" in text(DOCS / "python.md")
    codes = {cls.code for cls in ours} - {"storage_error"}
    codes |= {errors.PreconditionFailed.default_code, errors.NotJson.default_code}
    codes |= {errors.LengthRequired.default_code}
    for code in codes:
        assert f"`{code}`" in text(DOCS / "rest.md")


def test_every_verb_is_explained() -> None:
    shown = text(DOCS / "python.md")
    for name in vars(BaseStorage):
        # Others say by flags what they can; see custom-adapter.md.
        if name.startswith(("_", "supports_", "does_io")):
            continue
        assert re.search(rf"\b{name}\b", shown), name


def test_the_adapter_of_the_readme_is_the_tested_one() -> None:
    block = next(block for block in blocks(README) if "class DictStorage" in block.text)
    assert text(ROOT / "tests" / "support" / "dict_storage.py").endswith(f"\n\n{block.text}")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document: Path) -> None:
    for target, anchor in _LINK.findall(text(document)):
        path = document.parent / target if target else document
        assert path.exists(), f"{document.name}: {target}"
        if anchor:
            assert anchor in _anchors(path), f"{document.name}: {target}#{anchor}"


@pytest.mark.parametrize("document", [README, DOCS / "watch.md"], ids=lambda path: path.name)
def test_the_tests_that_are_named_exist(document: Path) -> None:
    sources = "".join(map(text, (ROOT / "tests" / "watch").glob("test_*.py")))
    named = {name for name in _TEST.findall(text(document)) if name != "test_promises"}
    assert len(named) >= 11
    for name in named:
        assert f"def {name}(" in sources, name


def _subclasses(cls: type[exceptions.StorageError]) -> Iterator[type[exceptions.StorageError]]:
    for child in cls.__subclasses__():
        yield child
        yield from _subclasses(child)


def _anchors(path: Path) -> set[str]:
    titles = re.findall(r"^#+ (.+)$", text(path), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).strip().replace(" ", "-") for title in titles}


def test_the_password_of_the_examples_is_taken() -> None:
    """By what ``django-admin startproject`` sets, so that createsuperuser asks nothing more."""
    names = (
        "UserAttributeSimilarity",
        "MinimumLength",
        "CommonPassword",
        "NumericPassword",
    )
    path = "django.contrib.auth.password_validation"
    validators = get_password_validators([{"NAME": f"{path}.{n}Validator"} for n in names])
    validate_password(PASSWORD, User(username=USER), validators)
    assert f"with the password `{PASSWORD}`" in text(README)
