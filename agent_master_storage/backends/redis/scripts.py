"""The Lua scripts: read once, known to the server by their SHA-1."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha1
from pathlib import Path

_FOLDER = Path(__file__).parent / "lua"
_SHARED = (_FOLDER / "shared.lua").read_bytes()


@dataclass(frozen=True, slots=True)
class Script:
    """A script of ours, with what all of them share in front."""

    text: bytes
    sha: bytes


def _script(name: str, *, alone: bool = False, insists: bool = True) -> Script:
    """``insists``: see ``shared.lua``; not for what brings values of the caller."""
    shared = b"" if alone else b"local INSISTS = %b\n" % str(insists).lower().encode() + _SHARED
    text = shared + (_FOLDER / f"{name}.lua").read_bytes()
    return Script(text, sha1(text, usedforsecurity=False).hexdigest().encode())


APPLY = _script("apply", insists=False)
BEGIN = _script("begin", insists=False)
COMPACT = _script("compact")
HISTORY = _script("history")
LEAVE = _script("leave")
LOOK = _script("look")
PROBE = _script("probe")
PUT = _script("put", alone=True)
RECONCILE = _script("reconcile")
RENEW = _script("renew")
SCAN = _script("scan")
STAGE = _script("stage", insists=False)
STATE = _script("state")
TRIM = _script("trim")
TURN = _script("turn", alone=True)
VERIFY = _script("verify")

_ALL = (
    APPLY, BEGIN, COMPACT, HISTORY, LEAVE, LOOK, PROBE, PUT, RECONCILE, RENEW, SCAN, STAGE, STATE,
    TRIM, TURN, VERIFY,
)  # fmt: skip
BY_SHA = {script.sha: script.text for script in _ALL}
