"""The examples of README.md and docs/ do what they say."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
from rest_framework.authtoken.models import Token

from . import curl
from .blocks import ROOT, blocks
from .runner import PASSWORD, USER, Runner

DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]

#: the token that the documents show
TOKEN = "3b9f1c5f0c7a4e4bb2f4b8c5d1e0a6f79d2c8e13"
LOGIN = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()

pytestmark = [
    pytest.mark.slow,
    pytest.mark.django_db(transaction=True, databases=["default", "postgres"]),
]


def _cases() -> list[Any]:
    """Each document, and each that has commands for curl in each way of running them."""
    cases = []
    for document in DOCUMENTS:
        ways = curl.WAYS if "$ curl " in document.read_text("utf-8") else curl.WAYS[:1]
        cases += [pytest.param(document, way, id=f"{document.stem}-{way}") for way in ways]
    return cases


@pytest.mark.parametrize(("document", "way"), _cases())
def test_examples(document: Path, way: str, tmp_path: Path, django_user_model: Any) -> None:
    user = django_user_model.objects.create_superuser(USER, password=PASSWORD)
    Token.objects.create(user=user, key=TOKEN)
    with Runner(tmp_path, way, LOGIN) as runner:
        for block in blocks(document):
            if not block.reason:
                runner.run(block)
