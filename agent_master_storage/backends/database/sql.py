"""The statements of the database adapters: what SQLite and PostgreSQL both understand.

PostgreSQL has variants where its planner needs more: ``postgresql/statements.py``.

Written out, because building them by the ORM costs more than running them. ``%s`` is the
placeholder of Django's cursors.
"""

from __future__ import annotations

from ...keys import prefix_range
from ...watch import Selector

STATE = "agent_master_storage_state"
ENTRY = "agent_master_storage_entry"
CHANGE = "agent_master_storage_change"

ENTRY_COLUMNS = "e.key, e.value, e.revision, e.created_revision, e.updated_at, e.actor"
_CHANGE_COLUMNS = (
    'c.revision, c."transaction", c.key, c.value, c.previous_revision, c.created_revision,'
    " c.at, c.actor"
)

READ = f"SELECT value FROM {ENTRY} WHERE namespace = %s AND key = %s"
GET = f"SELECT {ENTRY_COLUMNS} FROM {ENTRY} e WHERE namespace = %s AND key = %s"

# A change's id is its place among all changes: the number of its namespace, its revision, its
# number in the revision, from the highest bits to the lowest.
_REVISION_BITS, NUMBER_BITS = 40, 10
NAMESPACE = 1 << _REVISION_BITS + NUMBER_BITS
_BASE = f"(SELECT number FROM {STATE} WHERE namespace = %s) * {NAMESPACE}"
# Takes what span() returns.
_IN_SPAN = f"c.id BETWEEN {_BASE} + %s AND {_BASE} + %s"

# Where a namespace stands: at the newest revision in the log, or, when all of that is compacted,
# where the state has counted it to. The state's row itself is written seldom: on SQLite that
# would be a page more at each write, on PostgreSQL a dead version of the row.
_UNCOUNTED = (
    f"c.id >= s.number * {NAMESPACE} + (s.revision + 1) * {1 << NUMBER_BITS}"
    f" AND c.id < (s.number + 1) * {NAMESPACE}"
)
REVISION = (
    f"COALESCE((SELECT c.revision FROM {CHANGE} c WHERE {_UNCOUNTED}"
    " ORDER BY c.id DESC LIMIT 1), s.revision)"
)
GET_STATE = f"SELECT {REVISION}, s.compacted, s.epoch FROM {STATE} s WHERE s.namespace = %s"
# The same, looked up once for all rows that are selected with it; takes what span() returns.
_REVISION_ONCE = (
    f"COALESCE((SELECT c.revision FROM {CHANGE} c WHERE {_IN_SPAN}"
    " ORDER BY c.id DESC LIMIT 1), s.revision)"
)

# What the next write goes by: the newest revision, up to where the state has counted, the
# namespace's number. Only behind the writers' lock, which is held to the end of the transaction:
# whoever reads a revision can be sure that no lower one is still to come.
NEWEST = f"SELECT {REVISION}, s.revision, s.number FROM {STATE} s WHERE s.namespace = %s"
# Count what the log has got since the last time.
COUNT = (
    f"UPDATE {STATE} AS s SET revision = f.newest, held_changes = s.held_changes + f.changes,"
    " held_bytes = s.held_bytes + f.bytes FROM ("
    "SELECT COALESCE(MAX(c.revision), s.revision) AS newest, COUNT(c.id) AS changes,"
    f" COALESCE(SUM(LENGTH(c.value)), 0) AS bytes FROM {STATE} s"
    f" LEFT JOIN {CHANGE} c ON {_UNCOUNTED}"
    " WHERE s.namespace = %s GROUP BY s.revision"
    ") f WHERE s.namespace = %s RETURNING revision, held_changes, held_bytes, compacted"
)

# Does nothing where another has made it, or has taken the number meanwhile: look, try again.
MAKE_STATE = (
    f"INSERT INTO {STATE}"
    " (namespace, number, revision, compacted, epoch, held_changes, held_bytes)"
    f" SELECT %s, COALESCE(MAX(number) + 1, 0), 0, 0, %s, 0, 0 FROM {STATE} WHERE 1 = 1"
    " ON CONFLICT DO NOTHING"
)
NEW_EPOCH = f"UPDATE {STATE} SET epoch = %s WHERE namespace = %s"
IN_EPOCH = " AND epoch = %s"

_STANDING = f"SELECT key, revision, created_revision FROM {ENTRY} WHERE namespace = %s AND key"

_STANDING_OF_ONE = f"{_STANDING} = %s"

APPEND = (
    f'INSERT INTO {CHANGE} (id, namespace, revision, "transaction", key, value,'
    " previous_revision, created_revision, at, actor)"
    " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
)
UPSERT = (
    f"INSERT INTO {ENTRY} (namespace, key, value, revision, created_revision, previous_revision,"
    " updated_at, actor) VALUES (%s, %s, %s, %s, %s, %s, %s, %s)"
    " ON CONFLICT (namespace, key) DO UPDATE SET value = excluded.value,"
    f" revision = excluded.revision, previous_revision = {ENTRY}.revision,"
    " updated_at = excluded.updated_at, actor = excluded.actor"
)
# Tells what the change must say without asking first: where the entry is new, what was given.
PUT = f"{UPSERT} RETURNING previous_revision, created_revision"
REMOVE = f"DELETE FROM {ENTRY} WHERE namespace = %s AND key = %s"

OLDEST_SIZES = (
    f"SELECT c.revision, COALESCE(LENGTH(c.value), 0) FROM {CHANGE} c WHERE {_IN_SPAN}"
    " ORDER BY c.id LIMIT %s"
)
HELD_THROUGH = (
    f"SELECT COUNT(*), COALESCE(SUM(LENGTH(c.value)), 0) FROM {CHANGE} c WHERE {_IN_SPAN}"
)
DROP_THROUGH = f"DELETE FROM {CHANGE} AS c WHERE {_IN_SPAN}"
LOCK = f"UPDATE {STATE} SET compacted = compacted WHERE namespace = %s"
# Never back: another may have dropped more meanwhile.
COMPACTED = (
    f"UPDATE {STATE} SET compacted = %s, held_changes = held_changes - %s,"
    " held_bytes = held_bytes - %s WHERE namespace = %s AND compacted < %s"
)

_OF_KEY = f"SELECT {_CHANGE_COLUMNS} FROM {CHANGE} c WHERE {_IN_SPAN} AND c.key = %s"
BEFORE = f"{_OF_KEY} ORDER BY c.id DESC LIMIT 1"
AFTER = f"{_OF_KEY} ORDER BY c.id LIMIT 1"
LAST_OF = (
    f"SELECT {_CHANGE_COLUMNS.replace('c.value', 'NULL')} FROM {CHANGE} c WHERE {_IN_SPAN}"
    " ORDER BY c.id DESC LIMIT 1"
)
TRANSACTION_END = (
    f'SELECT MAX(c.revision) FROM {CHANGE} c WHERE {_IN_SPAN} AND c."transaction" = %s'
)

Statement = tuple[str, list[object]]


def place(namespace: int, revision: int) -> int:
    """The id of a revision's first change; ``namespace`` is the number in its state."""
    return (namespace << _REVISION_BITS | revision) << NUMBER_BITS


def revision_at(place: int) -> int:
    """The revision of the change with this id."""
    return place % NAMESPACE >> NUMBER_BITS


def span(namespace: str, after: int, through: int | None = None) -> list[object]:
    """The changes of the revisions after ``after``, up to ``through`` or to the newest."""
    low, high = start(after + 1), NAMESPACE if through is None else start(through + 1)
    return [namespace, low, namespace, high - 1]


def start(revision: int) -> int:
    """Where a revision begins in its namespace; no namespace reaches into the next one."""
    return min(revision << NUMBER_BITS, NAMESPACE)


def under(column: str, prefix: str, after: str = "") -> Statement:
    """The condition that ``column`` begins with ``prefix`` and sorts after ``after``."""
    low, high = prefix_range(prefix)
    condition, parameters = "", list[object]()
    if after >= low and after:
        condition, parameters = f" AND {column} > %s", [after]
    elif low:
        condition, parameters = f" AND {column} >= %s", [low]
    if high is not None:
        condition += f" AND {column} < %s"
        parameters.append(high)
    return condition, parameters


def selected(selector: Selector) -> Statement:
    """The condition for what a selector matches in the log."""
    if selector.key is not None:
        return " AND c.key = %s", [selector.key]
    return under("c.key", selector.prefix)


def standing(namespace: str, keys: list[str]) -> Statement:
    """How some keys stand; run it behind the writers' lock."""
    if len(keys) == 1:
        return _STANDING_OF_ONE, [namespace, *keys]
    return f"{_STANDING} IN ({', '.join(['%s'] * len(keys))})", [namespace, *keys]


def keys(namespace: str, prefix: str) -> Statement:
    condition, parameters = under("key", prefix)
    return (
        f"SELECT key FROM {ENTRY} WHERE namespace = %s{condition} ORDER BY key",
        [namespace, *parameters],
    )


def sizes(namespace: str, prefix: str, after: str, limit: int) -> Statement:
    condition, parameters = under("key", prefix, after)
    return (
        f"SELECT LENGTH(value) FROM {ENTRY} WHERE namespace = %s{condition} ORDER BY key LIMIT %s",
        [namespace, *parameters, limit],
    )


def scan(namespace: str, prefix: str, after: str, limit: int | None, values: bool) -> Statement:
    """State and entries in one statement, which is one moment on every database."""
    condition, parameters = under("e.key", prefix, after)
    columns = entry_columns(values)
    text = (
        f"SELECT {_REVISION_ONCE}, s.compacted, s.epoch, {columns} FROM {STATE} s"
        f" LEFT JOIN {ENTRY} e ON e.namespace = s.namespace{condition}"
        " WHERE s.namespace = %s ORDER BY e.key"
    )
    bound = [*span(namespace, 0), *parameters, namespace]
    return (text, bound) if limit is None else (text + " LIMIT %s", [*bound, limit])


def entry_columns(values: bool) -> str:
    return ENTRY_COLUMNS if values else ENTRY_COLUMNS.replace("e.value", "NULL")


def log_sizes(namespace: str, since: int, selector: Selector, limit: int) -> Statement:
    """State and the sizes of what comes next in the log, in one statement."""
    condition, parameters = selected(selector)
    return (
        f'SELECT {_REVISION_ONCE}, s.compacted, s.epoch, c.revision, c."transaction",'
        f" COALESCE(LENGTH(c.value), 0) FROM {STATE} s"
        f" LEFT JOIN {CHANGE} c ON c.id >= s.number * {NAMESPACE} + %s"
        f" AND c.id < (s.number + 1) * {NAMESPACE}{condition}"
        " WHERE s.namespace = %s ORDER BY c.id LIMIT %s",
        [*span(namespace, 0), start(since + 1), *parameters, namespace, limit],
    )


def log_rows(namespace: str, since: int, through: int, selector: Selector) -> Statement:
    condition, parameters = selected(selector)
    return (
        f"SELECT {_CHANGE_COLUMNS} FROM {CHANGE} c WHERE {_IN_SPAN}{condition} ORDER BY c.id",
        [*span(namespace, since, through), *parameters],
    )
