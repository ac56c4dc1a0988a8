"""The examples of a document: its fenced blocks, and what the comments above them say."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

ROOT = Path(__file__).resolve().parents[2]

BACKSLASH = "\\"

_FENCE = re.compile(r"^( *)```(?P<language>.*)\n(?P<text>(?s:.*?))^\1```$", re.MULTILINE)
_NOT_RUN = re.compile(r"<!-- not run: (?P<reason>[^>]+) -->\n\Z")
#: run by tests/test_packaging.py, in a project that is made for it
_QUICKSTART = re.compile(r"<!-- quickstart: .*?<!-- end of quickstart -->", re.DOTALL)
_FILE = re.compile(r"# ([\w/]+\.py)\b")


@dataclass(frozen=True, kw_only=True, slots=True)
class Block:
    """One fenced block."""

    path: Path
    #: of its first line of text, from 1
    line: int
    language: str
    text: str
    #: why it is not run; empty when it is
    reason: str = ""

    @property
    def where(self) -> str:
        return f"{self.path.relative_to(ROOT)}:{self.line}"

    @property
    def file(self) -> str | None:
        """The file that the first line names, as in ``# mysite/urls.py``."""
        found = _FILE.match(self.text)
        return found and found[1]


def blocks(path: Path) -> list[Block]:
    """All blocks of a document, but for those of the quickstart."""
    text = path.read_text("utf-8")
    # Blanked, so that lines keep their numbers.
    return _blocks(path, _QUICKSTART.sub(lambda found: "\n" * found[0].count("\n"), text))


def quickstart(path: Path) -> list[Block]:
    """The blocks of the quickstart alone."""
    found = _QUICKSTART.search(path.read_text("utf-8"))
    assert found is not None, f"{path} has no quickstart"
    return _blocks(path, found[0])


def _blocks(path: Path, text: str) -> list[Block]:
    return [
        Block(
            path=path,
            line=text.count("\n", 0, found.start("text")) + 1,
            language=found["language"],
            text=dedent(found["text"]),
            reason=_reason(text[: found.start()]),
        )
        for found in _FENCE.finditer(text)
        # In braces it is one of Sphinx's directives.
        if not found["language"].startswith("{")
    ]


def _reason(before: str) -> str:
    found = _NOT_RUN.search(before)
    return found["reason"] if found else ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """A command of a ``console`` block, and what it prints."""

    command: str
    output: str


def steps(block: Block) -> list[Step]:
    """The commands of a ``console`` block; a backslash at the end continues a line."""
    found: list[Step] = []
    lines = iter(block.text.splitlines())
    for line in lines:
        if line.startswith("$ "):
            command = line[2:]
            while command.endswith(BACKSLASH):
                command = f"{command.removesuffix(BACKSLASH)}{next(lines).lstrip()}"
            found.append(Step(command=command, output=""))
        else:
            assert found, f"{block.where} begins with output"
            last = found.pop()
            found.append(Step(command=last.command, output=f"{last.output}{line}\n"))
    return found
