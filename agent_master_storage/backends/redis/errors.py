"""What the driver raises, as StorageUnavailable that says what to do."""

from __future__ import annotations

import ssl
from collections.abc import Sequence

from redis import exceptions

from ...exceptions import StorageUnavailable, WrongType

#: what an answer begins with, and what the operator can do about it
_ADVICE = {
    "NOAUTH": "it refuses the user and password of the option url, or wants some",
    "NOPERM": "the user of the option url may not do this: see the ACL rules in docs/redis.md",
    "OOM": "it is out of memory: raise maxmemory, or remove what is not needed",
    "READONLY": "it is a replica, which can't be written: name the primary in the option url",
    "LOADING": "it is still loading its data: wait until it has",
    "MISCONF": "it refuses writes because it can't save them to disk: look at its log",
    "MASTERDOWN": "it is a replica that has lost its primary: name the primary",
    "BUSY": "a script of somebody else keeps it busy: SCRIPT KILL ends one",
    "NOREPLICAS": "it refuses writes because too few replicas are connected",
    "MOVED": "it is a node of a Cluster, which this adapter does not speak",
    "CROSSSLOT": "it is a node of a Cluster, which this adapter does not speak",
    "CLUSTERDOWN": "it is a node of a Cluster, which this adapter does not speak",
}
_BY_TYPE: tuple[tuple[type[Exception], str], ...] = (
    (exceptions.AuthenticationError, "NOAUTH"),
    (exceptions.NoPermissionError, "NOPERM"),
    (exceptions.OutOfMemoryError, "OOM"),
    (exceptions.ReadOnlyError, "READONLY"),
    (exceptions.BusyLoadingError, "LOADING"),
    (exceptions.MovedError, "MOVED"),
    (exceptions.MasterDownError, "MASTERDOWN"),
)

UNKNOWN_OUTCOME = (
    "; whether the write was done is not known: read the key, or write it with if_revision"
)


def unavailable(server: str, error: Exception, unknown: bool = False) -> StorageUnavailable:
    """The error to raise, whose cause is ``error``. ``unknown``: a write may have been done."""
    text = f"Redis at {server}: {_advice(error)}"
    return StorageUnavailable(text + UNKNOWN_OUTCOME if unknown else text)


def wrong_type(name: bytes) -> WrongType:
    """A value's name holds something else, which is left alone."""
    return WrongType(
        f"{name.decode(errors='replace')} in Redis holds no string, so it is no entry: rename or"
        " remove it, with the program that put it there"
    )


def not_ours(names: Sequence[bytes], unknown: bool = False) -> StorageUnavailable:
    """One of the names under which we remember things holds something else."""
    listed = ", ".join(name.decode(errors="replace") for name in names)
    text = (
        "somebody has put something else in Redis under a name of the storage's own"
        f" ({listed}): find out by TYPE which it is, and remove that one alone"
    )
    return StorageUnavailable(text + UNKNOWN_OUTCOME if unknown else text)


def forbidden(refusal: str) -> StorageUnavailable:
    """The user may not do something that a write takes."""
    error = StorageUnavailable(f"Redis: {_ADVICE['NOPERM']} ({refusal})")
    error.__cause__ = exceptions.NoPermissionError(refusal)
    return error


def is_wrong_type(error: Exception) -> bool:
    return isinstance(error, exceptions.ResponseError) and "WRONGTYPE" in str(error)


def is_ahead(error: Exception) -> bool:
    """A script waits for somebody's large commit; it has done nothing. See shared.lua."""
    return isinstance(error, exceptions.ResponseError) and "AHEAD: " in str(error)


def is_untrusted(error: BaseException) -> bool:
    """The server has shown a certificate that is not believed."""
    found: BaseException | None = error
    while found is not None and not isinstance(found, ssl.SSLCertVerificationError):
        found = found.__cause__ or found.__context__
    return found is not None


def _advice(error: Exception) -> str:
    said = str(error).strip() or type(error).__name__
    if isinstance(error, exceptions.TimeoutError):
        return (
            f"no answer in time ({said}): is it overloaded, is the option timeout too short, does"
            " it speak TLS if the option url begins with rediss://?"
        )
    code = _code(error, said)
    if code is not None:
        return f"{_ADVICE[code]} ({said})"
    if is_untrusted(error):
        return (
            f"its certificate is not trusted ({said}): name the file of who vouches for it by"
            " ssl_ca_certs in the option url"
        )
    if "No such file" in said:
        return (
            f"a file or socket that the option url names is not there ({said}): is the path right,"
            " is the server running?"
        )
    if isinstance(error, exceptions.ConnectionError | OSError):
        return (
            f"no connection ({said}): is it running, is the option url right, with rediss:// if it"
            " wants TLS?"
        )
    return said


def _code(error: Exception, said: str) -> str | None:
    """The word that the answer began with; the driver takes it off, a script puts it inside."""
    for kind, code in _BY_TYPE:
        if isinstance(error, kind):
            return code
    for code in _ADVICE:
        if said.startswith(f"{code} ") or f"-{code} " in said:
            return code
    # As Redis before 7.2 has it within a script, and Valkey.
    refusals = ("The user executing the script", "ACL failure in script")
    return "NOPERM" if any(refusal in said for refusal in refusals) else None
