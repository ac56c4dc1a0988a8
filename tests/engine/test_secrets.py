"""Literal secrets are found, masked and restored; everything else is unchanged."""

from __future__ import annotations

import copy
import json
import string
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_master_storage.engine import formats
from agent_master_storage.engine.exceptions import InvalidDocument
from agent_master_storage.engine.secrets import (
    CHANGED,
    MASK,
    advice,
    mask,
    mask_both,
    mask_config,
    mask_text,
    restore,
)
from agent_master_storage.engine.secrets.patterns import is_secret_name, tokens
from agent_master_storage.engine.server import ServerConfig

from .formats import strategies
from .formats.strategies import often

CLIENTS = Path(__file__).parent / "data" / "clients"
SAMPLE = Path(__file__).parents[2] / "demo_project" / "sample.json"

#: assembled at run time, so that secret scanners do not report this file
_ALPHABET = string.ascii_letters + string.digits


def made_up(prefix: str, length: int, alphabet: str = _ALPHABET) -> str:
    return prefix + "".join(alphabet[(7 * i + 3) % len(alphabet)] for i in range(length))


_JWT = ".".join([made_up("eyJ", 20), made_up("eyJ", 30), made_up("", 27)])
TOKENS = {
    "a GitHub token": [made_up("ghp_", 36), made_up("github_pat_", 60)],
    "a GitLab token": [made_up("glpat-", 20)],
    "an AWS key": [made_up("AKIA", 16, string.ascii_uppercase)],
    "a Google API key": [made_up("AIza", 35)],
    "a Slack token": [made_up("xoxb-", 40), made_up("xoxp-", 40)],
    "a Stripe key": [made_up("sk_live_", 24), made_up("rk_test_", 24)],
    "an Anthropic key": [made_up("sk-ant-api03-", 80)],
    "an API key": [made_up("sk-", 48), made_up("sk-proj-", 60), made_up("tvly-", 30)],
    "a Hugging Face token": [made_up("hf_", 34)],
    "an npm token": [made_up("npm_", 36)],
    "a JSON web token": [_JWT],
    "a Notion token": [made_up("ntn_", 40)],
    "a Linear key": [made_up("lin_api_", 40)],
    "an Atlassian token": [made_up("ATATT3x", 60)],
    "a Supabase token": [made_up("sbp_", 40, "0123456789abcdef")],
    "a private key": ["-----BEGIN OPENSSH PRIVATE KEY-----"],
}
GITHUB = TOKENS["a GitHub token"][0]


@pytest.mark.parametrize(("what", "token"), [(w, t) for w, ts in TOKENS.items() for t in ts])
def test_tokens_of_known_services_are_found(what: str, token: str) -> None:
    text = f"start --with={token} here"
    assert [(text[start:end], kind) for start, end, kind in tokens(text)] == [(token, what)]
    assert token not in mask_text(text)
    assert mask_text(text).startswith("start --with=")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "sk-...",
        "ntn_****",
        "task-management-for-large-teams",
        "@modelcontextprotocol/server-filesystem",
        "hashicorp/terraform-mcp-server:0.5.2",
        "risk-assessment-0123456789-abcdefghij",
        "type=bind,src=/Users/username/Desktop,dst=/projects/Desktop",
        "https://mcp.example.com/sse?session=1&key_id=2",
        "postgresql://localhost:5432/shop",
        "postgresql://reader@localhost:5432/shop",
        "postgresql://reader:${PASSWORD}@localhost:5432/shop",
        "https://mcp.example.com/?token=${TOKEN}",
        "Bearer ${TOKEN}",
        "--max-tokens 4096",
        "--token-file /run/secrets/token",
        "git@github.com:a/b.git",
        "https://a.b/@scope/c:d",
        "key = value",
    ],
)
def test_other_texts_are_unchanged(text: str) -> None:
    assert mask_text(text) == text


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("postgres://a:hunter2@h/d", f"postgres://a:{MASK}@h/d"),
        ("redis://:hunter2@h:6379", f"redis://:{MASK}@h:6379"),
        ("mongodb+srv://a:p@ss-word@h/d", f"mongodb+srv://a:{MASK}@h/d"),
        ("https://h/?api_key=abcd1234&x=1", f"https://h/?api_key={MASK}&x=1"),
        ("https://h/mcp?x=1&token=abcd1234", f"https://h/mcp?x=1&token={MASK}"),
        ("Authorization: Bearer abcd1234", f"Authorization: Bearer {MASK}"),
        ("API_KEY=abcd1234 npx x", f"API_KEY={MASK} npx x"),
        ("npx x --api-key abcd1234 y", f"npx x --api-key {MASK} y"),
        ("--password='abcd 1234'", f"--password={MASK}"),
    ],
)
def test_secrets_in_a_text_are_masked(text: str, masked: str) -> None:
    assert mask_text(text) == masked


@pytest.mark.parametrize(
    "name",
    [
        "GITHUB_TOKEN", "TOKEN", "API_KEY", "apiKey", "OPENAI_API_KEY", "X-Api-Key", "DB_PASSWORD",
        "password", "PGPASSWORD", "SMTP_PASS", "GITHUB_PAT", "clientSecret", "AWS_SECRET_KEY",
        "Authorization", "Proxy-Authorization", "access-token", "auth-token", "SSH_PRIVATE_KEY",
        "githubtoken", "GOOGLE_CREDENTIALS", "SENTRY_DSN", "Cookie", "LINEAR_KEY", "key",
    ],
)  # fmt: skip
def test_names_of_secrets_are_recognised(name: str) -> None:
    assert is_secret_name(name)


@pytest.mark.parametrize(
    "name",
    [
        "", "PATH", "HOME", "MAX_TOKENS", "max-tokens", "TOKEN_LIMIT", "tokenizer", "TOKEN_FILE",
        "keyPath", "PUBLIC_KEY", "AWS_ACCESS_KEY_ID", "SECRET_NAME", "SECRET_ARN", "AUTH_TYPE",
        "DATABASE_URL", "COMPASS", "monkey", "keyboard", "PASSTHROUGH", "pattern", "author",
        "AUTHOR", "Content-Type", "primary_key", "sort-key", "bearer_token_env_var", "KEY_ID",
    ],
)  # fmt: skip
def test_other_names_are_not_names_of_secrets(name: str) -> None:
    assert not is_secret_name(name)


SERVER = {
    "transport": "stdio",
    "command": "docker",
    "args": [
        "run", "-e", "GITHUB_TOKEN", "-e", "API_KEY=abc123defg", "--env", "DEBUG=1",
        "--api-key=hunter2xyz", "--token", "s3cr3tvalue9", "--header", "Authorization: Bearer ab12",
        "-H", "X-Org: acme", "--header", "KEY:${KEY}", "postgres://u:p4ssw0rd@h/db",
        "--max-tokens", "4096", GITHUB, "@scope/pkg", "--password", "${PASSWORD}",
    ],
    "env": {
        "REFERENCE": "${A}", "TOKEN": GITHUB, "PORT": "8080", "EMPTY": "", "OFF": None, "N": 3,
        "URI": "postgresql://reader:${PW}@localhost:5432/shop", "D": "${T:-sk-1234}",
        "P": "${PORT:-8080}", "MIXED": "prefix-${X}", "PATH": "${HOME}/bin",
    },
    "url": "https://mcp.example.com/sse?token=abcd9876",
    "headers": {"Authorization": f"Bearer {GITHUB}", "X-Api-Key": "${K}", "X-Org": "acme"},
    "requestInit": {"headers": {"Authorization": "Bearer xyz123456"}},
    "oauth": {"clientId": "abc", "clientSecret": "zzz99999x", "tokens": ["x"]},
    "timeout": 30,
    "metadata": {"note": "by hand"},
}  # fmt: skip

MASKED = {
    "transport": "stdio",
    "command": "docker",
    "args": [
        "run", "-e", "GITHUB_TOKEN", "-e", f"API_KEY={MASK}", "--env", f"DEBUG={MASK}",
        f"--api-key={MASK}", "--token", MASK, "--header", f"Authorization: Bearer {MASK}",
        "-H", f"X-Org: {MASK}", "--header", "KEY:${KEY}", f"postgres://u:{MASK}@h/db",
        "--max-tokens", "4096", MASK, "@scope/pkg", "--password", "${PASSWORD}",
    ],
    "env": {
        "REFERENCE": "${A}", "TOKEN": MASK, "PORT": MASK, "EMPTY": "", "OFF": None, "N": MASK,
        "URI": "postgresql://reader:${PW}@localhost:5432/shop", "D": f"${{T:-{MASK}}}",
        "P": "${PORT:-8080}", "MIXED": f"{MASK}${{X}}", "PATH": "${HOME}/bin",
    },
    "url": f"https://mcp.example.com/sse?token={MASK}",
    "headers": {"Authorization": f"Bearer {MASK}", "X-Api-Key": "${K}", "X-Org": MASK},
    "requestInit": {"headers": {"Authorization": f"Bearer {MASK}"}},
    "oauth": {"clientId": "abc", "clientSecret": MASK, "tokens": ["x"]},
    "timeout": 30,
    "metadata": {"note": "by hand"},
}  # fmt: skip


def test_a_server_is_masked() -> None:
    before = copy.deepcopy(SERVER)
    assert mask_config(SERVER) == MASKED
    assert before == SERVER


@pytest.mark.parametrize(
    "document",
    [
        {"servers": {"a": SERVER}, "version": "1.0.2"},
        {"mcpServers": {"a": SERVER}},
        {"mcp": {"servers": {"a": SERVER}}},
        {"a": SERVER},
    ],
)
def test_a_whole_document_is_masked(document: Any) -> None:
    shown = json.dumps(mask(document))
    assert json.dumps(MASKED) in shown
    assert "hunter2" not in shown


def test_inputs_that_are_passwords_are_masked() -> None:
    inputs = [
        {"id": "a", "type": "promptString", "password": True, "default": "hunter2"},
        {"id": "b", "type": "promptString", "password": False, "default": "acme"},
    ]
    shown = mask({"servers": {}, "inputs": inputs})["inputs"]
    assert shown == [{**inputs[0], "default": MASK}, inputs[1]]


def test_repr_shows_no_secret() -> None:
    env = {key: part for key, part in SERVER["env"].items() if part is not None}
    server = ServerConfig.model_validate({**SERVER, "env": env})
    for shown in (repr(server), str(server)):
        assert GITHUB not in shown
        assert "hunter2" not in shown
        assert "${A}" in shown


@often
@given(value=st.text(min_size=1))
def test_no_literal_under_env_or_headers_is_shown(value: str) -> None:
    secret = f"q{value}7"
    for key in ("env", "headers", "http_headers"):
        assert mask({"servers": {"a": {key: {"A": secret}}}}) == {
            "servers": {"a": {key: {"A": MASK}}}
        }


def test_a_diff_shows_that_a_secret_has_changed() -> None:
    before = {"env": {"A": "one", "B": "same", "C": "${C}"}, "args": ["--token=one", "x"]}
    after = {"env": {"A": "two", "B": "same", "D": "new"}, "args": ["--token=two", "x", "y"]}
    first, second = mask_both(before, after)
    assert first == {"env": {"A": MASK, "B": MASK, "C": "${C}"}, "args": [f"--token={MASK}", "x"]}
    assert second == {
        "env": {"A": CHANGED, "B": MASK, "D": MASK},
        "args": [f"--token={CHANGED}", "x", "y"],
    }
    assert mask_both(before, before) == (mask(before), mask(before))


secrets = st.from_regex(r"[a-zA-Z0-9]{5}[a-z][0-9][a-zA-Z0-9+=_-]{4,20}", fullmatch=True)

PLACES = [
    lambda s: {"env": {"A": s}},
    lambda s: {"env": {"A": f"{s} ${{B}} http://a/"}},
    lambda s: {"env": {"A": f"${{B:-{s}}}"}},
    lambda s: {"env": {"A": [s, {"b": s}]}},
    lambda s: {"headers": {"A": f"Bearer {s}"}},
    lambda s: {"headers": [f"A: {s}"]},
    lambda s: {"http_headers": {"A": s}},
    lambda s: {"args": [f"--api-key={s}"]},
    lambda s: {"args": [f"-token={s}"]},
    lambda s: {"args": ["--token", s]},
    lambda s: {"args": ["-e", f"A={s}"]},
    lambda s: {"args": ["--header", f"A: {s}"]},
    lambda s: {"args": [f"--header=A: {s}"]},
    lambda s: {"args": [f"API_KEY={s}"]},
    lambda s: {"args": ["-c", f"API_KEY={s} npx x"]},
    lambda s: {"args": ["-c", f"npx x --password {s}"]},
    lambda s: {"args": [f"postgresql://user:{s}@host/db"]},
    lambda s: {"url": f"https://user:{s}@host/mcp"},
    lambda s: {"url": f"https://host/mcp?apiKey={s}"},
    lambda s: {"requestInit": {"headers": {"A": s}}},
    lambda s: {"oauth": {"clientSecret": s}},
    lambda s: {"apiKeys": [s]},
    lambda s: {"inputs": [{"id": "a", "password": True, "default": s}]},
]


@often
@given(secret=secrets, place=st.sampled_from(PLACES))
def test_no_position_shows_its_secret(secret: str, place: Any) -> None:
    document = {"servers": {"a": {"command": "x", **place(secret)}}}
    assert secret not in json.dumps(mask(document))
    assert secret not in json.dumps(mask_both(document, {"servers": {"a": place(secret + "x")}}))
    assert restore(mask(document), document) == document


# Restoring after an edit


def test_a_masked_document_gets_its_secrets_back() -> None:
    assert restore(mask(SERVER), SERVER) == SERVER
    edited = mask(SERVER)
    edited["command"] = "podman"
    edited["args"].insert(1, "--rm")
    edited["env"]["TOKEN"] = "${TOKEN}"
    edited["env"]["NEW"] = "x"
    del edited["env"]["PORT"]
    expected = copy.deepcopy(SERVER)
    expected["command"] = "podman"
    expected["args"].insert(1, "--rm")
    expected["env"]["TOKEN"] = "${TOKEN}"
    expected["env"]["NEW"] = "x"
    del expected["env"]["PORT"]
    assert restore(edited, SERVER) == expected


def test_items_that_were_moved_keep_their_secrets() -> None:
    original = {"args": ["--token=one", "--key=two", "--secret", "three333", "--pat", "four4444"]}
    shown = mask(original)["args"]
    edited = {"args": [*shown[4:], "x", *shown[2:4], shown[1], shown[0]]}
    assert restore(edited, original) == {
        "args": ["--pat", "four4444", "x", "--secret", "three333", "--key=two", "--token=one"]
    }


def test_equal_items_keep_their_secrets_at_their_positions() -> None:
    original = {"args": ["--token", "one11111", "--token", "two22222", "x"]}
    shown = mask(original)["args"]
    edited = {"args": [*shown[:4], "y"]}
    assert restore(edited, original) == {"args": [*original["args"][:4], "y"]}


@pytest.mark.parametrize(
    ("edited", "where"),
    [
        ({"env": {"B": MASK}}, "env.B"),
        ({"env": {"A": f"x{MASK}"}}, "env.A"),
        ({"url": f"https://new/?token={MASK}"}, "url"),
        # It is ambiguous which of the two was removed.
        ({"args": ["z", f"--token={MASK}", "y"]}, "args.1"),
        ({"args": [f"--token={MASK}", f"--new={MASK}"]}, "args.1"),
    ],
)
def test_a_mask_without_a_secret_is_refused(edited: Any, where: str) -> None:
    original = {
        "env": {"A": "secret"},
        "url": "https://old/?token=abcd1234",
        "args": ["--token=one", "--token=two"],
    }
    with pytest.raises(InvalidDocument, match="is a mask instead of a value") as caught:
        restore(edited, original)
    assert caught.value.where == where
    assert "secret" not in str(caught.value)


@often
@given(document=strategies.trees(strategies.scalars | st.none()))
def test_restore_reverses_mask(document: Any) -> None:
    assert restore(mask(document), document) == document


# Advice


def advised(server: Any) -> dict[str, str]:
    return {one.where: one.instead for one in advice(server)}


def test_literal_secrets_are_reported() -> None:
    assert advised(SERVER) == {
        "args.4": "API_KEY=${API_KEY}",
        "args.7": "--api-key=${API_KEY}",
        "args.9": "${TOKEN}",
        "args.11": "Authorization: Bearer ${TOKEN}",
        "args.16": "postgres://u:${PASSWORD}@h/db",
        "args.19": "${TOKEN}",
        "env.TOKEN": "${TOKEN}",
        "url": "https://mcp.example.com/sse?token=${TOKEN}",
        "headers.Authorization": "Bearer ${TOKEN}",
        "requestInit.headers.Authorization": "Bearer ${TOKEN}",
        "oauth.clientSecret": "${CLIENT_SECRET}",
    }


def test_advice_describes_the_secret_without_its_value() -> None:
    (one,) = advice({"command": "x", "env": {"GITHUB_TOKEN": GITHUB}})
    assert str(one) == (
        "env.GITHUB_TOKEN contains a GitHub token: move it to an environment variable and write"
        " '${GITHUB_TOKEN}'"
    )
    assert GITHUB not in repr(one)


def test_advice_shows_no_other_part_of_the_value() -> None:
    env = {"NOTE": f"hunter2 {GITHUB}", "OPTIONS": "hunter2 --api-key=abcd1234"}
    assert advised({"command": "x", "env": env}) == {
        "env.NOTE": "${NOTE}",
        "env.OPTIONS": "${API_KEY}",
    }
    args = [f"-c=https://a:password@b/?token={GITHUB}"]
    assert advised({"command": "x", "args": args}) == {
        "args.0": f"-c=https://a:{MASK}@b/?token=${{TOKEN}}"
    }


@pytest.mark.parametrize(
    "env",
    [
        {"TOKEN": "${TOKEN}"},
        {"TOKEN": "$TOKEN"},
        {"TOKEN": "%TOKEN%"},
        {"TOKEN": ""},
        {"TOKEN": "<your token>"},
        {"API_KEY": "YOUR_API_KEY"},
        {"API_KEY": "your-api-key-here"},
        {"API_KEY": "sk-..."},
        {"A": "ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"},
        {"A": "ghp_000000000000000000000000000000000000"},
        {"A": "AKIAIOSFODNN7EXAMPLE"},
        {"A": "https://user:password@host/?token=YOUR_TOKEN_HERE"},
        {"API_KEY": "xxx"},
        {"TOKEN": "true"},
        {"TOKEN": "4096"},
        {"KEY": "/etc/ssl/key.pem"},
        {"KEY": "~/.ssh/id_ed25519"},
        {"DATABASE_URI": "postgresql://reader:${PW}@localhost/shop"},
        {"LOG_LEVEL": "debug"},
        {"MODEL": "sentence-transformers/all-MiniLM-L6-v2"},
        {"PYTHONPATH": "/opt/app"},
        {"AWS_REGION": "eu-central-1"},
        {"MCP_USER_AGENT": "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/131.0.0.0"},
    ],
)
def test_values_that_are_not_secrets_are_not_reported(env: Any) -> None:
    assert advice({"command": "x", "env": env}) == []


@pytest.mark.parametrize(
    "env",
    [
        {"TOKEN": "hunter2"},
        {"DB_PASSWORD": "correct horse battery"},
        {"API_KEY": "0123456789"},
        {"NOTE": f"use {GITHUB}"},
        {"URL": "https://a:hunter2@b/"},
        {"OPTIONS": "--api-key abcd1234"},
    ],
)
def test_values_that_are_secrets_are_reported(env: Any) -> None:
    assert list(advised({"command": "x", "env": env})) == [f"env.{next(iter(env))}"]


def test_placeholders_in_configurations_of_readmes_are_not_reported() -> None:
    found = {
        path.name: advised(server)
        for path in sorted(CLIENTS.iterdir())
        for server in formats.parse(path.read_text("utf-8")).servers.values()
        if advised(server)
    }
    assert found == {}


def test_the_demo_contains_no_secrets() -> None:
    for document in json.loads(SAMPLE.read_text("utf-8")).values():
        assert advice(document) == []


def test_internal_is_not_searched() -> None:
    assert advice({"command": "x", "internal": {"token": "hunter2xyz"}}) == []
