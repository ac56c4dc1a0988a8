"""The statements that only PostgreSQL understands, or plans well.

The rest is in ``sql.py``, and the functions by which we write in the migrations 0002 and 0003.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from ...types import Check, Delete, Operation, Write
from ...watch import Selector
from ..database import sql
from ..database.sql import CHANGE, ENTRY, STATE, Statement

# The writers' lock, held to the end of the transaction. An advisory one: a row that each write
# updates leaves a dead version behind each time, and while somebody holds an old snapshot
# (pg_dump, a long report) none of them can be cleared away, but each must be looked at. In the
# benchmark 20,000 writes under an old snapshot nearly halve the rate of a writer who updates a
# counter's row; with this lock, and the revision read from the log behind it, they do not.
LOCK = "SELECT pg_advisory_xact_lock(%s), current_setting('transaction_isolation')"
# One who sees an old moment sees an old log, too. Where its newest revisions are held still, he
# finds them taken; where they were trimmed, the state's row was written since, and this fails.
UNCHANGED = f"SELECT FROM {STATE} WHERE namespace = %s FOR SHARE"

# LIMIT keeps it from being merged into the statement round it, and looked up for each row.
_AT = (
    f"(SELECT s.namespace, s.number, {sql.REVISION} AS revision, s.compacted, s.epoch"
    f" FROM {STATE} s WHERE s.namespace = %s LIMIT 1) s"
)

# In one round trip: the lock, the conditions, the entries, the log. Its result is a row for each
# write and delete, and one for each group that was refused.
_COMMIT = (
    'SELECT operation, revision, previous, created, "at", counted'
    " FROM agent_master_storage_commit(%s, %s, %s, {}, %b::bigint[])"
)
_COMMIT_ALL = _COMMIT.format(
    "%b::integer[], %b::text[], %b::text[], %b::bytea[], %b::bigint[], %b::text[]"
)
# The same for a single write: the server makes arrays in less time than the client.
_COMMIT_WRITE = _COMMIT.format(
    "NULL, NULL, ARRAY[%s], ARRAY[%b::bytea], ARRAY[%s::bigint], ARRAY[%s]"
)

# One write without a condition, see migration 0003. Takes the place of the newest change that is
# known, and answers with the place of its own.
PUT = b"SELECT agent_master_storage_put($1, $2, $3, $4, $5, $6, $7)"

_KINDS = {Write: "write", Delete: "delete", Check: "check"}


def lock_key(namespace: str) -> int:
    """The number of a namespace's lock among the advisory locks of its database.

    All processes must take the same one. Two namespaces with one number would wait for each
    other, and harm nothing.
    """
    digest = hashlib.sha256(f"agent_master_storage:{namespace}".encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True)


def commit(
    namespace: str,
    lock: int,
    began_at: int | None,
    requests: Sequence[tuple[Sequence[Operation], str]],
    limits: Sequence[int] | None,
) -> Statement:
    """Commit the requests: each is operations of one commit, and who makes it.

    ``limits``: trim the log to so many changes and bytes.
    """
    head: list[object] = [namespace, lock, began_at]
    if len(requests) == 1:
        ((only, *others), actor) = requests[0]
        if isinstance(only, Write) and not others:
            return _COMMIT_WRITE, [*head, only.key, only.data, only.if_revision, actor, limits]
    return _COMMIT_ALL, [*head, *_arrays(requests), limits]


def put_parameters(
    namespace: str,
    lock: int,
    newest: int,
    write: Write,
    actor: str,
    limits: Sequence[int] | None,
) -> list[bytes | None]:
    """What PUT takes; ``newest`` is the place of the newest change that is known."""
    return [
        namespace.encode(), b"%d" % lock, b"%d" % newest, write.key.encode(), write.data,
        actor.encode(), None if limits is None else b"{%d,%d,%d}" % tuple(limits),
    ]  # fmt: skip


def _arrays(requests: Sequence[tuple[Sequence[Operation], str]]) -> Sequence[object]:
    """Groups, kinds, keys, values, expected revisions, actors."""
    groups, kinds, keys, values, expected, actors = [], [], [], [], [], []
    for number, (operations, actor) in enumerate(requests):
        for operation in operations:
            groups.append(number)
            kinds.append(_KINDS[type(operation)])
            keys.append(operation.key)
            values.append(operation.data if isinstance(operation, Write) else None)
            expected.append(
                operation.revision if isinstance(operation, Check) else operation.if_revision
            )
            actors.append(actor)
    # What says nothing need not be sent.
    alone = len(requests) == len(groups)
    return (
        None if alone else groups, kinds if any(kind != "write" for kind in kinds) else None,
        keys, values, expected if any(revision is not None for revision in expected) else None,
        actors,
    )  # fmt: skip


def scan(namespace: str, prefix: str, after: str, limit: int | None, values: bool) -> Statement:
    """See sql.scan(). PostgreSQL would sort all that comes after, to keep the first few of it."""
    condition, parameters = sql.under("e.key", prefix, after)
    return (
        f"SELECT s.revision, s.compacted, s.epoch, e.* FROM {_AT} LEFT JOIN LATERAL"
        f" (SELECT {sql.entry_columns(values)} FROM {ENTRY} e"
        f" WHERE e.namespace = s.namespace{condition} ORDER BY e.key LIMIT %s) e ON true"
        " ORDER BY e.key",
        [namespace, *parameters, limit],
    )


def log_sizes(namespace: str, since: int, selector: Selector, limit: int) -> Statement:
    """See sql.log_sizes(); in the index's order, too."""
    condition, parameters = sql.selected(selector)
    return (
        "SELECT s.revision, s.compacted, s.epoch, c.revision, c.transaction, c.size"
        f" FROM {_AT} LEFT JOIN LATERAL"
        ' (SELECT c.id, c.revision, c."transaction", COALESCE(LENGTH(c.value), 0) AS size'
        f" FROM {CHANGE} c WHERE c.id >= s.number * {sql.NAMESPACE} + %s"
        f" AND c.id < (s.number + 1) * {sql.NAMESPACE}{condition} ORDER BY c.id LIMIT %s) c ON true"
        " ORDER BY c.id",
        [namespace, sql.start(since + 1), *parameters, limit],
    )
