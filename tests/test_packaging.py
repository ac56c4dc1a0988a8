"""The wheel holds the app alone, and README.md's quickstart works with it in an empty project."""

from __future__ import annotations

import shutil
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from .docs import curl
from .docs.blocks import ROOT, quickstart
from .docs.runner import PASSWORD
from .support.newcomer import Environment, Reader, run

PACKAGE = "agent_master_storage"
#: what the app can do without
OPTIONAL = (
    "drf_spectacular",
    "django_json_widget",
    "psycopg",
    "psycopg2",
    "pydantic",
    "pydantic_core",
    "yaml",
    "tomlkit",
    "hiredis",
    "rest_framework.authtoken",
)

#: extras whose packages the engine and the Redis adapter need
EXTRAS = ("engine", "redis")

_CLUTTER = shutil.ignore_patterns(
    ".git", ".venv*", ".tox", "*cache*", "build", "dist", "_build", "*.egg-info", "*.sqlite3*"
)

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What ``make dist`` makes: an sdist, and a wheel from the sdist."""
    folder = tmp_path_factory.mktemp("dist")
    # In a copy, because setuptools leaves files beside the sources.
    source = shutil.copytree(ROOT, folder / "source", ignore=_CLUTTER)
    command = ["build", "--no-isolation", "--outdir", str(folder / "dist"), str(source)]
    run([sys.executable, "-m", *command], cwd=folder)
    return folder / "dist"


@pytest.fixture(scope="module")
def wheel(dist: Path) -> Path:
    (found,) = dist.glob("*.whl")
    return found


# What is in it


def test_the_wheel_holds_the_app_alone(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    info = {name for name in names if name.split("/")[0].endswith(".dist-info")}
    sources = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / PACKAGE).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert names - info == sources
    assert {Path(name).suffix for name in sources} >= {".py", ".html", ".css", ".js", ".typed"}
    assert f"{PACKAGE}/migrations/0001_initial.py" in sources
    assert any(name.endswith("licenses/LICENSE") for name in info)


def test_the_source_archive_holds_what_the_tests_need(dist: Path) -> None:
    (archive,) = dist.glob("*.tar.gz")
    with tarfile.open(archive) as opened:
        names = {name.partition("/")[2] for name in opened.getnames()}
    wanted = {"README.md", "CHANGELOG.md", "LICENSE", "Makefile", "manage.py", "setup.cfg"}
    wanted |= {"tests/conftest.py", "docs/index.md", "demo_project/settings.py"}
    assert wanted <= names
    assert not [name for name in names if name.endswith((".pyc", ".sqlite3"))]


# The quickstart


_LOOK_AROUND = f"""
import importlib
import agent_master_storage, django
django.setup()
from django.contrib.auth import get_user_model
from django.contrib.staticfiles import finders
from django.test import Client

def importable(name):
    try:
        return bool(importlib.import_module(name))
    except (ModuleNotFoundError, RuntimeError):
        return False

client = Client(headers={{"host": "localhost"}})
client.force_login(get_user_model().objects.get())
pages = ["/admin/", "/admin/agent_master_storage/entry/", "/admin/agent_master_storage/change/"]
pages += ["/storage/default/", "/storage/default/entries/config"]
print([client.get(page, headers={{"accept": "text/html"}}).status_code for page in pages])
print(finders.find("agent_master_storage/admin/pages.css"))
print(agent_master_storage.__file__)
print(*[name for name in {OPTIONAL} if importable(name)])
for name in ("agent_master_storage.engine", "agent_master_storage.backends.redis"):
    try:
        importlib.import_module(name)
        print("imported", name)
    except ModuleNotFoundError as error:
        print(error)
"""


@pytest.mark.parametrize("missing", [(), OPTIONAL], ids=["all", "without-the-optional-packages"])
def test_the_quickstart(wheel: Path, tmp_path: Path, missing: tuple[str, ...]) -> None:
    environment = Environment(folder=tmp_path / "venv", missing=missing)
    reader = Reader(environment=environment, wheel=wheel, folder=tmp_path)
    with reader.running:
        for block in quickstart(ROOT / "README.md"):
            reader.follow(block)
        _look_around(reader)
        # "Each curl -T from now on prints a frame of changes there."
        (reader.folder / "config.json").write_text("[]")
        url = f"127.0.0.1:{reader.port}/storage/default/entries/config"
        put = f"curl -u admin:{PASSWORD} -T config.json {url}"
        curl.run(curl.WAYS[0], put, reader.folder, lambda printed: bool(printed))
        reader.await_output('...{"type":"changes","id":"a","revision":2,...,"value":"[]",...}]}')


def _look_around(reader: Reader) -> None:
    assert "no issues" in reader.run("python manage.py check")
    assert "No changes" in reader.run("python manage.py makemigrations --check --dry-run")
    (reader.folder / "look.py").write_text(_LOOK_AROUND)
    printed = reader.run("DJANGO_SETTINGS_MODULE=mysite.settings python look.py").splitlines()
    assert printed[0] == str([200] * 5)
    # The wheel's own files, not those of the checkout that the tests stand in.
    packages = str(reader.environment.folder)
    assert printed[1].startswith(packages)
    assert printed[2].startswith(packages)
    missing = set(reader.environment.missing)
    assert not set(printed[3].split()) & missing
    # What an extra installs is named where it is missing, and nothing else needs it.
    for line, package, extra in zip(printed[4:], ("pydantic", "hiredis"), EXTRAS, strict=True):
        if package in missing:
            assert package in line
            assert f"pip install 'agent-master-storage[{extra}]'" in line
        else:
            assert line.startswith("imported")
