"""The examples of docs/testing.md pass, under both runners, in a project made of them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from agent_master_storage import testing

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "testing.md"

SETTINGS = """
from pathlib import Path
BASE_DIR = Path(__file__).parent
SECRET_KEY = "only-for-tests"
INSTALLED_APPS = ["agent_master_storage"]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": BASE_DIR / "db.sqlite3"}}
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The files of the page, and what it says is there already."""
    site = tmp_path / "mysite"
    (site / "tests").mkdir(parents=True)
    for folder in (site, site / "tests"):
        (folder / "__init__.py").touch()
    (site / "settings.py").write_text(SETTINGS)
    shutil.copy(ROOT / "tests" / "support" / "dict_storage.py", site)
    for block in re.findall(r"^```python\n(.*?)^```", PAGE.read_text("utf-8"), re.S | re.M):
        name = re.match(r"# (\S+\.py)\n", block)
        assert name is not None, block
        (tmp_path / name[1]).write_text(block)
    return tmp_path


def run(project: Path, *arguments: str, settings: str = "mysite.settings") -> str:
    done = subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=project,
        env={
            **os.environ,
            "DJANGO_SETTINGS_MODULE": settings,
            "PYTHONPATH": f"{project}{os.pathsep}{ROOT}",
            "PYTHONWARNINGS": "",
        },
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def count_tests(*themes: type) -> int:
    return len({name for theme in themes for name in dir(theme) if name.startswith("test_")})


WHOLE = count_tests(testing.StorageContract)
SHARED = count_tests(testing.StorageContract, testing.SharedStoreContract)
#: of the page's own examples
EXAMPLES = 6
FIVE_METHODS = count_tests(
    testing.ReadWriteContract,
    testing.KeyContract,
    testing.WatchContract,
    testing.RefusalContract,
)


@pytest.mark.parametrize("settings", ["mysite.settings", "mysite.file_settings"])
def test_under_manage_py_test(project: Path, settings: str) -> None:
    printed = run(project, "django", "test", "mysite", settings=settings)
    assert f"Ran {EXAMPLES + WHOLE + SHARED} tests" in printed
    assert f"OK (skipped={WHOLE - FIVE_METHODS})" in printed


def test_under_pytest(project: Path) -> None:
    printed = run(project, "pytest", "-p", "no:cacheprovider", "mysite")
    passed = EXAMPLES + 2 * FIVE_METHODS + SHARED
    assert f"{passed} passed, {2 * (WHOLE - FIVE_METHODS)} skipped" in printed


def test_the_contract_is_not_small() -> None:
    assert FIVE_METHODS > 40
    assert SHARED > WHOLE > 100


def test_the_adapter_of_the_page_is_short() -> None:
    lines = (ROOT / "tests" / "support" / "dict_storage.py").read_text("utf-8").splitlines()
    body = lines[lines.index("class DictStorage(BaseStorage):") :]
    assert len([line for line in body if line.strip()]) <= 40
