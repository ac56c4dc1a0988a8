"""The function by which PostgreSQLStorage commits, on PostgreSQL alone.

A function and not a statement: a statement, CTEs and all, sees what was committed when it
began, which is before it has got the writers' lock. Inside a function each statement sees anew,
so that one round trip is enough to take the lock, to look, and to write.

It makes no row: a test's flush leaves it alone. The tables are looked up by the search_path of
the caller, as Django's own statements are.
"""

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

COMMIT = """
CREATE FUNCTION agent_master_storage_commit(
    p_namespace text,
    p_lock bigint,
    p_began bigint,      -- first revision of the caller's transaction; NULL: none was taken
    p_groups integer[],  -- which operations are one commit; NULL: each is one of its own
    p_kinds text[],      -- write, delete, check; NULL: all are writes
    p_keys text[],
    p_values bytea[],
    p_expected bigint[], -- revisions that the keys must stand at; NULL: any
    p_actors text[],
    p_limits bigint[]    -- changes, and bytes of their values, to trim the log to, and how many
                         -- revisions the state must not have counted; NULL: not now
) RETURNS TABLE (
    operation integer,   -- from 1
    revision bigint,     -- 0: the operation was refused, and with it the whole group
    previous bigint,     -- where the key stood before
    created bigint,
    at timestamptz,
    counted bigint       -- up to where the state had counted the log
) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    v_locked boolean;
    v_base bigint;
    v_newest bigint;
    v_place integer;
    v_last integer;
    v_from integer := 1;
    v_to integer;
    v_held bigint;
    v_held_bytes bigint;
    v_compacted bigint;
    v_through bigint := 0;
    v_gone bigint;
    v_gone_bytes bigint;
    -- A cursor, for the plan of one who reads the first few rows.
    v_oldest CURSOR FOR
        SELECT c.revision, COALESCE(LENGTH(c.value), 0) AS size
        FROM agent_master_storage_change c
        -- From there, because what was dropped before lies about until it is vacuumed.
        WHERE c.id >= v_base + ((v_compacted + 1) << 10) AND c.id < v_base + (v_newest << 10)
        ORDER BY c.id;
BEGIN
    -- An expression, not a statement: what follows sees what was committed before the lock
    -- was got.
    v_locked := pg_advisory_xact_lock(p_lock) IS NULL;
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        -- Fails where the log was trimmed since the moment that the caller sees.
        PERFORM FROM agent_master_storage_state s WHERE s.namespace = p_namespace FOR SHARE;
    END IF;
    LOOP
        SELECT s.number::bigint << 50, s.revision, COALESCE((
                SELECT c.revision FROM agent_master_storage_change c
                WHERE c.id >= (s.number::bigint << 50) + ((s.revision + 1) << 10)
                    AND c.id < (s.number + 1)::bigint << 50
                ORDER BY c.id DESC LIMIT 1
            ), s.revision)
            INTO v_base, counted, v_newest
            FROM agent_master_storage_state s WHERE s.namespace = p_namespace;
        EXIT WHEN FOUND;
        -- Another namespace may take the number meanwhile: try again.
        INSERT INTO agent_master_storage_state
            (namespace, number, revision, compacted, epoch, held_changes, held_bytes)
            SELECT p_namespace, COALESCE(MAX(s.number) + 1, 0), 0, 0,
                replace(gen_random_uuid()::text, '-', ''), 0, 0
            FROM agent_master_storage_state s
            ON CONFLICT DO NOTHING;
    END LOOP;
    v_last := array_length(p_keys, 1);
    <<groups>>
    WHILE v_from <= v_last LOOP
        v_to := v_from;
        IF p_groups IS NOT NULL THEN
            WHILE v_to < v_last AND p_groups[v_to + 1] = p_groups[v_from] LOOP
                v_to := v_to + 1;
            END LOOP;
        END IF;
        -- All conditions first: a group that is refused leaves no trace.
        IF p_kinds IS NOT NULL OR p_expected IS NOT NULL THEN
            FOR i IN v_from..v_to LOOP
                CONTINUE WHEN p_expected[i] IS NULL AND p_kinds[i] IS DISTINCT FROM 'delete';
                SELECT e.revision INTO previous FROM agent_master_storage_entry e
                    WHERE e.namespace = p_namespace AND e.key = p_keys[i];
                previous := COALESCE(previous, 0);
                IF previous <> p_expected[i] OR previous = 0 AND p_kinds[i] = 'delete' THEN
                    operation := i;
                    revision := 0;
                    created := 0;
                    at := NULL;
                    RETURN NEXT;
                    v_from := v_to + 1;
                    CONTINUE groups;
                END IF;
            END LOOP;
        END IF;
        v_newest := v_newest + 1;
        v_place := 0;
        revision := v_newest;
        at := clock_timestamp();
        FOR i IN v_from..v_to LOOP
            CONTINUE WHEN p_kinds[i] = 'check';
            operation := i;
            IF p_kinds[i] = 'delete' THEN
                DELETE FROM agent_master_storage_entry e
                    WHERE e.namespace = p_namespace AND e.key = p_keys[i]
                    RETURNING e.revision, e.created_revision INTO previous, created;
            ELSE
                -- Most writes find their key. The lock keeps others from inserting it between
                -- the two; ON CONFLICT alone would lock the row first and write more.
                UPDATE agent_master_storage_entry e
                    SET value = p_values[i], revision = v_newest,
                        previous_revision = e.revision, updated_at = at, actor = p_actors[i]
                    WHERE e.namespace = p_namespace AND e.key = p_keys[i]
                    RETURNING e.previous_revision, e.created_revision INTO previous, created;
                IF NOT FOUND THEN
                    previous := 0;
                    created := v_newest;
                    INSERT INTO agent_master_storage_entry
                        (namespace, key, value, revision, created_revision, previous_revision,
                            updated_at, actor)
                        VALUES (p_namespace, p_keys[i], p_values[i], v_newest, v_newest, 0, at,
                            p_actors[i]);
                END IF;
            END IF;
            INSERT INTO agent_master_storage_change
                (id, namespace, revision, "transaction", key, value, previous_revision,
                    created_revision, at, actor)
                VALUES (v_base + (v_newest << 10) + v_place, p_namespace, v_newest,
                    COALESCE(p_began, v_newest), p_keys[i], p_values[i], previous, created, at,
                    p_actors[i]);
            v_place := v_place + 1;
            RETURN NEXT;
        END LOOP;
        v_from := v_to + 1;
    END LOOP;
    -- Another process may have trimmed it since the caller looked.
    IF p_limits IS NULL OR v_newest - counted < p_limits[3] THEN
        RETURN;
    END IF;
    -- Count what the log has got since the last time, then drop the oldest.
    UPDATE agent_master_storage_state s
        SET revision = v_newest, held_changes = s.held_changes + f.changes,
            held_bytes = s.held_bytes + f.bytes
        FROM (
            SELECT COUNT(*) AS changes, COALESCE(SUM(LENGTH(c.value)), 0) AS bytes
            FROM agent_master_storage_change c
            WHERE c.id >= v_base + ((counted + 1) << 10) AND c.id < v_base + (1::bigint << 50)
        ) f
        WHERE s.namespace = p_namespace
        RETURNING s.held_changes, s.held_bytes, s.compacted
        INTO v_held, v_held_bytes, v_compacted;
    FOR v_change IN v_oldest LOOP
        EXIT WHEN v_held <= p_limits[1] AND v_held_bytes <= p_limits[2];
        v_through := v_change.revision;
        v_held := v_held - 1;
        v_held_bytes := v_held_bytes - v_change.size;
    END LOOP;
    IF v_through > 0 THEN
        WITH gone AS (
            DELETE FROM agent_master_storage_change c
            WHERE c.id >= v_base + ((v_compacted + 1) << 10)
                AND c.id < v_base + ((v_through + 1) << 10)
            RETURNING COALESCE(LENGTH(c.value), 0) AS size
        )
        SELECT COUNT(*), COALESCE(SUM(size), 0) FROM gone INTO v_gone, v_gone_bytes;
        UPDATE agent_master_storage_state s
            SET compacted = v_through, held_changes = s.held_changes - v_gone,
                held_bytes = s.held_bytes - v_gone_bytes
            WHERE s.namespace = p_namespace;
    END IF;
END $$
"""


def create(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(COMMIT, params=None)


def drop(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("DROP FUNCTION IF EXISTS agent_master_storage_commit")


class Migration(migrations.Migration):
    dependencies = [("agent_master_storage", "0001_initial")]

    operations = [migrations.RunPython(create, drop)]
