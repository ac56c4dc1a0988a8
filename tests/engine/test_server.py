"""The typed views, and the times and durations of Go."""

from __future__ import annotations

import logging
import pickle
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from pydantic import ValidationError

from agent_master_storage.engine import Internal, ServerConfig, times
from agent_master_storage.engine.json_object import fingerprint

TOKEN = "ghp_0123456789abcdefghijABCDEFGHIJ012345"


def test_transport_has_a_default() -> None:
    assert ServerConfig(command="npx").transport == "stdio"
    assert ServerConfig(url="https://a").transport == "http"
    assert ServerConfig(url="https://a", transport="sse").transport == "sse"
    assert ServerConfig().transport == "stdio"


def test_a_config_is_frozen_equal_by_value_and_picklable() -> None:
    config = ServerConfig(command="npx", env={"A": "b"}, odd=[1])
    assert config == ServerConfig(command="npx", env={"A": "b"}, odd=[1])
    assert config != ServerConfig(command="npx", env={"A": "b"}, odd=[2])
    assert pickle.loads(pickle.dumps(config)) == config
    with pytest.raises(ValidationError, match="frozen"):
        config.command = "other"  # type: ignore[misc]


def test_to_dict_omits_empty_fields() -> None:
    assert ServerConfig(command="x", args=[], zeta=0, alpha=None).to_dict() == {
        "transport": "stdio",
        "command": "x",
        "zeta": 0,
        "alpha": None,
    }
    assert Internal().to_dict() == {"lastSynced": times.NEVER, "lastModified": times.NEVER}


def test_numbers_become_text_and_other_types_are_refused() -> None:
    assert ServerConfig(command="x", env={"PORT": 8080}).env == {"PORT": "8080"}  # type: ignore[dict-item]
    with pytest.raises(ValidationError, match=r"env\.A"):
        ServerConfig(command="x", env={"A": ["b"]})  # type: ignore[dict-item]


@pytest.mark.parametrize("show", [repr, str, "{!r}".format, "{}".format])
def test_secrets_are_not_shown(show: Any, caplog: pytest.LogCaptureFixture) -> None:
    config = ServerConfig(
        command="x",
        args=["--api-key", TOKEN, "plain"],
        env={"A_TOKEN": TOKEN, "REF": "${REF}"},
        headers={"Authorization": f"Bearer {TOKEN}"},
    )
    with caplog.at_level(logging.INFO):
        logging.getLogger("test").info("it is %s", config)
    for text in (show(config), caplog.text):
        assert TOKEN not in text
        assert "plain" in text
        assert "${REF}" in text
        assert "A_TOKEN" in text


def test_no_message_contains_a_value() -> None:
    with pytest.raises(ValidationError) as caught:
        ServerConfig(command="x", env={"A": [TOKEN]})  # type: ignore[dict-item]
    assert TOKEN not in str(caught.value)


def test_goes_to() -> None:
    assert not Internal().goes_to("a")
    assert Internal(sync_targets=["all"]).goes_to("a")
    assert Internal(sync_targets=["a"]).goes_to("a")
    assert not Internal(sync_targets=["a"]).goes_to("b")
    assert not Internal(sync_targets=["all"], exclude_from_targets=["a"]).goes_to("a")


def test_fingerprints_ignore_the_order_of_keys() -> None:
    assert fingerprint({"a": 1, "b": [1, 2]}) == fingerprint({"b": [1, 2], "a": 1})
    assert fingerprint({"a": 1, "b": [1, 2]}) != fingerprint({"a": 1, "b": [2, 1]})


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("0001-01-01T00:00:00Z", datetime(1, 1, 1, tzinfo=UTC)),
        ("2026-11-23T12:54:04.633719979Z", datetime(2026, 11, 23, 12, 54, 4, 633719, UTC)),
        (
            "2026-11-23t12:54:04.6+01:30",
            datetime(2026, 11, 23, 12, 54, 4, 600000, timezone(timedelta(hours=1.5))),
        ),
        ("2026-11-23T12:54:04z", datetime(2026, 11, 23, 12, 54, 4, tzinfo=UTC)),
    ],
)
def test_times_keep_all_digits(text: str, moment: datetime) -> None:
    assert times.parse(text) == moment
    # Go does not accept lower case.
    assert Internal(last_modified=text).to_dict()["lastModified"] == text.upper()


@pytest.mark.parametrize(
    "text",
    ["", "yesterday", "2026-11-23", "2026-11-23T12:54:04", "2026-11-23T12:54:04.1234567890Z"],
)
def test_invalid_times_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="RFC 3339"):
        times.parse(text)
    with pytest.raises(ValidationError, match="lastModified"):
        Internal.model_validate({"lastModified": text})


def test_now_has_nanoseconds_without_trailing_zeros() -> None:
    assert abs(times.parse(times.now()) - datetime.now(UTC)) < timedelta(seconds=5)
    assert times.from_nanoseconds(1_795_601_172_627_416_387).endswith("12.627416387Z")
    assert times.from_nanoseconds(1_795_601_172_600_000_000).endswith("12.6Z")
    assert times.from_nanoseconds(1_795_601_172_000_000_000).endswith("12Z")
