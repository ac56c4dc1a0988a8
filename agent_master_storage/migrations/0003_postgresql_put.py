"""The function by which PostgreSQLStorage writes one key, on PostgreSQL alone.

What nearly all writes are takes two statements here, where ``agent_master_storage_commit`` takes
four and a loop: the caller says which change he knows as the newest, and if it still is, nothing
is to be looked up. Anything else is left to that function, in the same round trip.
"""

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

PUT = """
CREATE FUNCTION agent_master_storage_put(
    p_namespace text,
    p_lock bigint,
    p_newest bigint, -- id of the newest change, as far as the caller knows; 0: he does not
    p_key text,
    p_value bytea,
    p_actor text,
    p_limits bigint[] -- what to trim the log to, as for agent_master_storage_commit
) RETURNS bigint     -- id of the change that was made
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    v_revision bigint := ((p_newest >> 10) & ((1::bigint << 40) - 1)) + 1;
    v_id bigint := ((p_newest >> 10) + 1) << 10;
    v_end bigint := ((p_newest >> 50) + 1) << 50;
    v_at timestamptz;
    v_previous bigint;
    v_created bigint;
BEGIN
    -- An expression, as in agent_master_storage_commit: what follows sees what was committed
    -- before the lock was got, if each statement sees anew.
    IF p_limits IS NULL AND pg_advisory_xact_lock(p_lock) IS NOT NULL
        AND current_setting('transaction_isolation') = 'read committed'
    THEN
        v_at := clock_timestamp();
        UPDATE agent_master_storage_entry e
            SET value = p_value, revision = v_revision, previous_revision = e.revision,
                updated_at = v_at, actor = p_actor
            WHERE e.namespace = p_namespace AND e.key = p_key AND p_newest = (
                SELECT c.id FROM agent_master_storage_change c
                WHERE c.id >= p_newest AND c.id < v_end AND c.namespace = p_namespace
                ORDER BY c.id DESC LIMIT 1
            )
            RETURNING e.previous_revision, e.created_revision INTO v_previous, v_created;
        IF FOUND THEN
            INSERT INTO agent_master_storage_change
                (id, namespace, revision, "transaction", key, value, previous_revision,
                    created_revision, at, actor)
                VALUES (v_id, p_namespace, v_revision, v_revision, p_key, p_value, v_previous,
                    v_created, v_at, p_actor);
            RETURN v_id;
        END IF;
    END IF;
    -- A new key, or others have written, or it is time to trim.
    SELECT c.revision INTO v_revision FROM agent_master_storage_commit(p_namespace, p_lock,
        NULL, NULL, NULL, ARRAY[p_key], ARRAY[p_value], NULL, ARRAY[p_actor], p_limits) c;
    RETURN (SELECT (s.number::bigint << 50) + (v_revision << 10)
        FROM agent_master_storage_state s WHERE s.namespace = p_namespace);
END $$
"""


def create(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(PUT, params=None)


def drop(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("DROP FUNCTION IF EXISTS agent_master_storage_put")


class Migration(migrations.Migration):
    dependencies = [("agent_master_storage", "0002_postgresql")]

    operations = [migrations.RunPython(create, drop)]
