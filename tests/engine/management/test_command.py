"""``manage.py mcp``."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from agent_master_storage import storages
from agent_master_storage.engine import Engine
from agent_master_storage.engine.secrets import MASK

from ..api import FILES, TOKEN

CLAUDE = {"mcpServers": {"files": {"command": "npx", "args": ["-y", "files"]}}}


@pytest.fixture
def engine(settings: Any) -> Iterator[Engine]:
    """The engine of the alias that the command takes by itself."""
    settings.AGENT_MASTER_STORAGE = {
        name: {"BACKEND": "agent_master_storage.backends.memory.MemoryStorage"}
        for name in ("default", "other")
    } | {"plain": {"BACKEND": "tests.support.dict_storage.DictStorage"}}
    yield Engine(storage=storages["default"])


def run(*arguments: str, stdin: str | None = None) -> str:
    """What the command prints."""
    return both(*arguments, stdin=stdin)[0]


def both(*arguments: str, stdin: str | None = None) -> tuple[str, str]:
    """What the command prints on stdout and stderr."""
    out, err = io.StringIO(), io.StringIO()
    before = sys.stdin
    sys.stdin = io.TextIOWrapper(io.BytesIO((stdin or "").encode()))
    try:
        call_command("mcp", *arguments, stdout=out, stderr=err)
    finally:
        sys.stdin = before
    return out.getvalue(), err.getvalue()


def test_add_a_command_behind_dashes(engine: Engine) -> None:
    printed = run(
        "add", "files", "--env", "A=b=c", "--sync-target", "cursor", "--", "npx", "-y", "--x", "--"
    )
    assert printed == "added files\n"
    server = engine.get_server("files")
    assert server.config.to_dict() == {
        "transport": "stdio",
        "command": "npx",
        "args": ["-y", "--x", "--"],
        "env": {"A": "b=c"},
    }
    assert server.internal.sync_targets == ["cursor"]
    assert server.internal.created_by == "manage.py mcp"
    assert storages["default"].entry("config").actor == "manage.py mcp"
    run("add", "plain", "uvx", "some-server")
    assert engine.get_server("plain").config.args == ["some-server"]


def test_add_an_address(engine: Engine) -> None:
    out, err = both(
        "add",
        "web",
        "--transport=sse",
        "--url=https://x.example/sse",
        f"--header=Authorization: Bearer {TOKEN}",
        "--disabled",
    )
    server = engine.get_server("web")
    assert server.config.headers == {"Authorization": f"Bearer {TOKEN}"}
    assert (server.transport, server.enabled) == ("sse", False)
    assert "advice: headers.Authorization" in err
    assert TOKEN not in out + err


def test_add_a_json_object(engine: Engine, tmp_path: Path) -> None:
    given = {**FILES, "timeout": 3}
    run("add", "files", "--config", "-", stdin=json.dumps(given))
    assert engine.get_server("files").config.to_dict() == given
    path = tmp_path / "server.json"
    path.write_text(json.dumps(given))
    run("add", "again", "--config", str(path))
    assert engine.get_server("again").config.to_dict() == given
    for refused in (
        ("add", "x", "--config", "-", "--url", "https://x"),
        ("add", "x", "--config", str(tmp_path / "none.json")),
    ):
        with pytest.raises(CommandError):
            run(*refused)
    for text in ("", "[]", "{", '{"command": 3.5, "args": "x"}'):
        with pytest.raises(CommandError):
            run("add", "x", "--config", "-", stdin=text)
    assert [server.name for server in engine.list_servers()] == ["again", "files"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("add", "x"), "command"),
        (("add", "x", "--url", "ftp://x"), "url"),
        (("add", "x", "--env", "novalue", "--", "y"), "NAME=VALUE"),
        (("show", "none"), "there is no server 'none'"),
        (("enable", "none"), "there is no server 'none'"),
        (("remove", "none"), "there is no server 'none'"),
        (("rename", "none", "x"), "there is no server 'none'"),
        (("list", "--alias", "nowhere"), "there is no storage 'nowhere'; there are default"),
        (("import", "/no/such/file"), "No such file"),
        (("export", "/dev/null/file"), "/dev/null"),
        (("export", "--format", "vim"), "there is no format 'vim'"),
        (("restore", "none"), "there is no backup 'none'"),
        (("sync", "none"), "failed: none"),
        (("preview", "none"), "there is no destination 'none'"),
        (("add-destination", "x", "y", "--format", "vim"), "vim"),
        (("explode",), "invalid choice"),
        (("enable", "x", "--alias", "plain"), "revisions"),
    ],
)
def test_what_is_wrong_is_said(engine: Engine, arguments: Any, message: str) -> None:
    with pytest.raises(CommandError) as error:
        run(*arguments)
    assert message in str(error.value)
    assert storages["default"].list() == []


def test_list(engine: Engine) -> None:
    assert run("list") == "no servers\n"
    run("add", "git-hub", "--", "hub", "--token", TOKEN)
    run("add", "web", "--url", "https://x.example", "--tag", "t")
    run("disable", "web")
    assert run("list").splitlines() == [
        f"git-hub  on   stdio  hub --token {MASK}",
        "web      off  http   https://x.example",
    ]
    assert TOKEN in run("list", "--show-secrets")

    def names(*arguments: str) -> list[str]:
        return [one["name"] for one in json.loads(run("list", "--json", *arguments))]

    assert names("--enabled") == ["git-hub"]
    assert names("--disabled") == names("--transport=http") == names("--tag=t") == ["web"]
    assert names("--name=g*", "--source=user", "--sync-target=any") == ["git-hub"]
    assert TOKEN not in run("list", "--json")
    assert TOKEN in run("list", "--json", "--show-secrets")
    assert names("--alias=other") == []


def test_show(engine: Engine) -> None:
    run("add", "hub", "--env", f"HUB_TOKEN={TOKEN}", "--", "hub")
    out, err = both("show", "hub")
    shown = json.loads(out)
    assert shown["env"] == {"HUB_TOKEN": MASK}
    assert shown["internal"]["enabled"] is True
    assert "${HUB_TOKEN}" in err
    assert TOKEN not in out + err
    face = json.loads(run("show", "hub", "--json", "--show-secrets"))
    assert face["config"]["env"] == {"HUB_TOKEN": TOKEN}
    storages["default"].write_json("config", {"servers": {"a": {"args": 5}}})
    assert "problem: args" in both("show", "a")[1]


def test_enable_disable_remove_rename(engine: Engine) -> None:
    for name in ("a", "b", "c"):
        run("add", name, "--", "x")
    assert run("disable", "a", "b") == "disabled a\ndisabled b\n"
    assert run("disable", "a", "c").splitlines() == ["disabled c", "a is disabled already"]
    assert json.loads(run("enable", "a", "--json")) == {"enabled": ["a"], "unchanged": []}
    with pytest.raises(CommandError):
        run("remove", "a", "none")
    assert len(engine.list_servers()) == 3
    before = storages["default"].revision
    assert run("remove", "a", "b") == "removed a\nremoved b\n"
    assert storages["default"].revision == before + 1
    assert run("rename", "c", "d") == "renamed c to d\n"
    assert [server.name for server in engine.list_servers()] == ["d"]


def test_import(engine: Engine, tmp_path: Path) -> None:
    text = json.dumps(CLAUDE)
    printed = run("import", "--dry-run", stdin=text)
    assert printed == "read as mcpServers; nothing was changed\nadded: files\n"
    assert storages["default"].list() == []
    assert run("import", "-", stdin=text) == "read as mcpServers\nadded: files\n"
    path = tmp_path / "mcp.yaml"
    path.write_text("servers:\n  web:\n    type: http\n    url: https://x.example\n")
    face = json.loads(run("import", str(path), "--mode=replace", "--json"))
    assert (face["format"], face["added"], face["removed"]) == ("vscode", ["web"], ["files"])
    with pytest.raises(CommandError, match="format of the document is unknown"):
        run("import", stdin="{}")
    with pytest.raises(CommandError, match="empty"):
        run("import", stdin="")
    with pytest.raises(CommandError, match="'none'"):
        run("import", "--only", "none", stdin=text)


def test_variables_are_put_in_when_asked_for(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLACE", "/here")
    given = {"mcpServers": {"a": {"command": "x", "args": ["${PLACE}", "${NOT_SET_HERE:-d}"]}}}
    run("import", stdin=json.dumps(given))
    assert "${PLACE}" in run("export")
    out = json.loads(run("export", "--substitute"))
    assert out["mcpServers"]["a"]["args"] == ["/here", "d"]
    run("add", "b", "--", "x", "${NOT_SET_HERE}")
    with pytest.raises(CommandError, match="NOT_SET_HERE"):
        run("export", "--substitute")


def test_export(engine: Engine, tmp_path: Path) -> None:
    run("import", stdin=json.dumps(CLAUDE))
    run("add", "hub", "--env", f"HUB_TOKEN={TOKEN}", "--disabled", "--", "hub")
    assert json.loads(run("export")) == CLAUDE
    # A file for a client holds what it needs; one for people does not.
    assert TOKEN in run("export", "--include-disabled")
    masked = run("export", "--include-disabled", "--masked", "--format=codex")
    assert (TOKEN in masked, MASK in masked) == (False, True)
    assert list(json.loads(run("export", "--only", "files"))["mcpServers"]) == ["files"]
    path = tmp_path / "mcp.toml"
    path.write_text("old")
    path.chmod(0o640)
    assert run("export", str(path), "--format=codex") == f"wrote {path}\n"
    assert "[mcp_servers.files]" in path.read_text()
    assert path.stat().st_mode & 0o777 == 0o640
    run("export", str(tmp_path / "new.json"))
    assert (tmp_path / "new.json").stat().st_mode & 0o077 == 0


def test_the_format_is_that_of_the_clients_file(engine: Engine, tmp_path: Path) -> None:
    folder = tmp_path / ".vscode"
    folder.mkdir()
    run("add", "files", "--", "npx")
    run("export", str(folder / "mcp.json"))
    assert list(json.loads((folder / "mcp.json").read_text())) == ["servers"]
    gemini = tmp_path / ".gemini"
    gemini.mkdir()
    (gemini / "settings.json").write_text('{"mcpServers": {"hub": {"url": "https://a/mcp"}}}')
    assert run("import", str(gemini / "settings.json")).startswith("read as gemini\n")
    assert engine.get_server("hub").transport == "sse"
    run("add-destination", "here", str(folder / "mcp.json"))
    assert engine.get_destination("here").config_format == "vscode"


def test_what_a_client_can_not_do_is_said(engine: Engine, tmp_path: Path) -> None:
    run("add", "a", "--env", "KEY=${input:key}", "--", "x")
    warning = "warning: mcpServers.a.env.KEY refers to the input 'key'"
    out, err = both("export")
    assert "${input:key}" in out
    assert warning in err
    run("add-destination", "here", str(tmp_path / "mcp.json"))
    assert warning in run("preview")
    assert warning in run("sync")


def test_destinations_and_sync(engine: Engine, tmp_path: Path) -> None:
    run("import", stdin=json.dumps(CLAUDE))
    path = tmp_path / "claude.json"
    assert run("destinations") == "no destinations\n"
    assert run("add-destination", "claude", str(path)) == f"added claude: {path}\n"
    assert run("add-destination", "key") == "added key: targets:key:config\n"
    assert len(run("destinations").splitlines()) == 2
    assert "claude: added: files" in run("preview")
    assert run("sync", "--dry-run").splitlines()[0] == (
        "claude: would write: 1 added, 0 updated, 0 removed"
    )
    assert not path.exists()
    assert run("sync").splitlines() == [
        "claude: 1 added, 0 updated, 0 removed",
        "key: 1 added, 0 updated, 0 removed",
    ]
    assert json.loads(path.read_text()) == CLAUDE
    assert run("sync", "claude") == "claude: nothing to do\n"
    assert run("preview", "claude") == "claude: nothing to do\n"

    path.write_text("no JSON")
    with pytest.raises(CommandError, match="failed: claude"):
        run("sync")
    assert path.read_text() == "no JSON"
    assert run("remove-destination", "claude") == "forgot claude\n"
    assert json.loads(run("sync", "--json"))[0]["destination"] == "key"


def test_a_file_outside_of_the_folders_is_refused(
    engine: Engine, tmp_path: Path, settings: Any
) -> None:
    settings.AGENT_MASTER_STORAGE_DESTINATION_ROOTS = [tmp_path]
    with pytest.raises(CommandError, match="/etc/passwd is outside the directories"):
        run("add-destination", "ev", "/etc/passwd")
    assert engine.list_destinations() == []


def test_backups(engine: Engine) -> None:
    assert run("backups") == "no backups\n"
    run("import", stdin=json.dumps(CLAUDE))
    id = run("backup", "--description", "good").strip()
    run("remove", "files")
    assert "good" in run("backups")
    assert json.loads(run("backups", "--json"))[0]["id"] == id
    assert run("restore", id).startswith(f"restored {id}; ")
    assert engine.get_server("files").enabled


def test_half_a_character_can_be_printed(engine: Engine) -> None:
    storages["default"].write("config", b'{"servers": {"a": {"command": "\\ud800"}}}')
    assert json.loads(run("show", "a", "--json"))["config"]["command"] == "\ud800"


@pytest.mark.slow
def test_as_a_process_that_follows(tmp_path: Path, transactional_db: None) -> None:
    """Exit codes, streams, and ``sync --follow`` until it is told to stop."""
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "tests.settings",
        "TEST_PROCESS": "1",
        "PYTHONUNBUFFERED": "1",
    }
    command = [sys.executable, "-m", "django", "mcp"]

    def mcp(*arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*command, *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            env=environment,
            timeout=60,
        )

    target = tmp_path / "claude.json"
    assert mcp("import", stdin=json.dumps(CLAUDE)).returncode == 0
    assert mcp("add-destination", "claude", str(target)).returncode == 0
    failed = mcp("show", "none")
    assert (failed.returncode, failed.stdout) == (1, "")
    assert "there is no server 'none'" in failed.stderr
    assert "Traceback" not in failed.stderr
    assert mcp("explode").returncode == 2

    follower = subprocess.Popen([*command, "sync", "--follow"], env=environment)
    try:
        _until(lambda: target.exists() and "files" in target.read_text())
        mcp("add", "second", "--", "x", "-v")
        _until(lambda: "second" in target.read_text())
    finally:
        follower.send_signal(signal.SIGTERM)
        assert follower.wait(20) == 0


def _until(true: Any) -> None:
    deadline = time.monotonic() + 30
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)
