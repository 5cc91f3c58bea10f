-- roles

role databricks_gateway noinherit
  -- The roles that were granted to it are those on whose behalf the HTTP API may act.
role databricks_superuser in pg_monitor, pg_read_all_data, pg_write_all_data
  -- Looks after synced tables: creates, syncs and deletes them, and grants access.
role databricks_sync in databricks_gateway
  -- What the synced-tables sidecar acts as. Grant it to the role that the sidecar logs in with.

-- schemas

schema __db_system owner databricks_sync []
  -- Partitions of synced tables, and tables being loaded. Read the synced table itself instead.
schema databricks_auth [databricks_superuser: USAGE, databricks_sync: USAGE, public: USAGE]
  -- Which relations are synced tables, and who owns them.
schema synced_tables [databricks_superuser: USAGE, databricks_sync: USAGE]
  -- Synced tables: registry, requests, history, and the functions to create, sync and delete them.
schema synced_tables_internal [databricks_superuser: USAGE, databricks_sync: USAGE, public: USAGE]
  -- Functions called by those of synced_tables and by the sidecar. Not meant to be called by people.
schema synced_tables_served []
  -- Functions that serve calls to their namesakes in synced_tables. Only their owner has rights here.

-- tables and views

table databricks_auth.managers row security [databricks_superuser: DELETE SELECT]
  -- Who may index and drop which synced table. A row counts only when name and OID belong to the same role.
    synced_table regclass not null [databricks_superuser: INSERT]
    manager name not null [databricks_superuser: INSERT]
    manager_oid oid not null [databricks_superuser: INSERT]
    granted_by name not null default CURRENT_USER
    granted_at timestamp with time zone not null default now()
    place text not null default databricks_auth.place()
      -- The place where manager_oid was valid; tells repair() whether to trust the OID or the name.
    constraint managers_pk PRIMARY KEY (synced_table, manager)
    constraint managers_synced_table_fk FOREIGN KEY (synced_table) REFERENCES databricks_auth.synced_tables(synced_table) ON DELETE CASCADE
    policy managers_appoint for * to databricks_superuser using true check ((granted_by = CURRENT_USER) AND (place = databricks_auth.place()))
    CREATE TRIGGER managers_changed AFTER INSERT OR DELETE OR UPDATE OF manager, manager_oid ON databricks_auth.managers FOR EACH ROW EXECUTE FUNCTION synced_tables_internal._managers_changed() (O)
table databricks_auth.open_windows row security [databricks_superuser: SELECT, databricks_sync: SELECT, public: SELECT]
  -- Ownership currently lent; rows exist only during one command of one transaction.
    synced_table oid not null
    owner_role name not null
    grantee name not null
    role_setting text not null
      -- SET ROLE when the window opened; a command may not change it.
    part oid
    file_node oid
    paused boolean not null default false
      -- Set while the guard itself runs DDL.
    policy open_windows_read for r to public using true check none
table databricks_auth.parts row security []
  -- Indexes, partition and write gates of synced tables. Rows of another place come from a restore in progress.
    part oid not null
    synced_table oid not null
    kind text not null
    place text not null default databricks_auth.place()
    constraint parts_kind_check CHECK ((kind = ANY (ARRAY['index'::text, 'partition'::text, 'gate'::text])))
    constraint parts_pk PRIMARY KEY (part)
    CREATE INDEX parts_synced_table_index ON databricks_auth.parts USING btree (synced_table)
table databricks_auth.schema_rights_lock row security []
  -- Locked by anything that changes the rights of a schema. Always empty.
    is_only boolean not null
    constraint schema_rights_lock_pk PRIMARY KEY (is_only)
table databricks_auth.synced_tables row security [databricks_sync: SELECT]
  -- One row per relation that is a synced table, including tables whose syncing was stopped.
    synced_table regclass not null
    owner_role name not null
    created_by name
      -- The role that requested the table and was granted SELECT.
    registered_at timestamp with time zone not null default now()
    constraint synced_tables_owner_role_key UNIQUE (owner_role)
    constraint synced_tables_pk PRIMARY KEY (synced_table)
    policy synced_tables_sync for r to databricks_sync using true check none
view public.databricks_list_roles [databricks_superuser: SELECT, databricks_sync: SELECT, public: SELECT]
  -- Roles created with databricks_create_role, and the kind of identity of each.
    role_name name
    identity_type text
  as
 SELECT r.rolname AS role_name,
    "substring"(d.description, '^databricks identity: (user|service_principal|group)$'::text) AS identity_type
   FROM (pg_roles r
     JOIN pg_shdescription d ON (((d.objoid = r.oid) AND (d.classoid = ('pg_authid'::regclass)::oid))))
  WHERE (d.description ~ '^databricks identity: (user|service_principal|group)$'::text);
view public.databricks_synced_table_managers [databricks_superuser: SELECT, databricks_sync: SELECT, public: SELECT]
  -- Who may index and drop which synced table.
    schema_name name
    table_name name
    user_name name
    granted_by name
    granted_at timestamp with time zone
  as
 SELECT n.nspname AS schema_name,
    c.relname AS table_name,
    r.rolname AS user_name,
    m.granted_by,
    m.granted_at
   FROM (((databricks_auth.managers m
     JOIN pg_class c ON ((c.oid = (m.synced_table)::oid)))
     JOIN pg_namespace n ON ((n.oid = c.relnamespace)))
     JOIN pg_roles r ON (((r.oid = m.manager_oid) AND (r.rolname = m.manager))));
table synced_tables._audit row security [databricks_sync: DELETE INSERT SELECT UPDATE]
  -- Who did what to synced tables, pipelines, managers and tokens. Never holds row values or secrets.
    audit_id bigint not null identity a
    occurred_at timestamp with time zone not null default clock_timestamp()
    role_name name not null
      -- The role that did it: over HTTP, that of the token.
    login_role name not null default SESSION_USER
      -- The role that had logged in: over HTTP, that of the sidecar.
    door text not null
    application text not null
      -- What the client called itself (application_name).
    client_address inet default inet_client_addr()
    action text not null
    object text
    details jsonb not null default '{}'::jsonb
    constraint _audit_door_check CHECK ((door = ANY (ARRAY['SQL'::text, 'CLI'::text, 'HTTP'::text])))
    constraint _audit_pk PRIMARY KEY (audit_id)
    CREATE INDEX _audit_object_index ON synced_tables._audit USING btree (object, occurred_at)
    CREATE INDEX _audit_time_index ON synced_tables._audit USING btree (occurred_at)
    policy _audit_sync for * to databricks_sync using true check true
S synced_tables._audit_audit_id_seq []
    last_value bigint not null
    log_cnt bigint not null
    is_called boolean not null
view synced_tables._calls []
  -- Functions insert calls here to have them served. Always empty.
    routine text [databricks_superuser: INSERT, databricks_sync: INSERT, public: INSERT]
    arguments text[] [databricks_superuser: INSERT, databricks_sync: INSERT, public: INSERT]
    asked_by name
    answer text [databricks_superuser: SELECT, databricks_sync: SELECT, public: SELECT]
    CREATE TRIGGER _1_sign INSTEAD OF INSERT ON synced_tables._calls FOR EACH ROW EXECUTE FUNCTION synced_tables_internal._sign_call() (O)
    CREATE TRIGGER _2_serve INSTEAD OF INSERT ON synced_tables._calls FOR EACH ROW EXECUTE FUNCTION synced_tables_internal._serve_call() (O)
  as
 SELECT NULL::text AS routine,
    NULL::text[] AS arguments,
    NULL::name AS asked_by,
    NULL::text AS answer
  WHERE false;
table synced_tables._calls_under_way row security []
  -- The role for which a call is being served; rows exist only during one call of one transaction.
    asked_by name not null
    transaction xid8 not null default pg_current_xact_id()
table synced_tables._catalogs row security [databricks_sync: DELETE INSERT SELECT UPDATE]
  -- Database catalogs: names that each refer to one database of this instance.
    catalog_name text not null
    database_name name not null
    catalog_uid uuid not null default gen_random_uuid()
    created_by name not null
    created_at timestamp with time zone not null default now()
    creates_database boolean
      -- Whether the request allowed to create the database; null if it did not say. Means nothing once the catalog is there.
    constraint _catalogs_pk PRIMARY KEY (catalog_name)
    policy _catalogs_sync for * to databricks_sync using true check true
table synced_tables._cdc_positions row security [databricks_sync: DELETE INSERT SELECT UPDATE]
  -- How far each flow has read: written in the transaction that applies the batch.
    target_id uuid not null
    flow_name text not null
    batch_id bigint not null
    position jsonb
    committed_at timestamp with time zone not null default now()
    constraint _cdc_positions_pk PRIMARY KEY (target_id, flow_name)
    constraint _cdc_positions_target_fk FOREIGN KEY (target_id) REFERENCES synced_tables._cdc_targets(target_id) ON DELETE CASCADE
    policy _cdc_positions_sync for * to databricks_sync using true check true
table synced_tables._cdc_targets row security [databricks_sync: DELETE INSERT SELECT UPDATE]
  -- One row per target of Auto CDC flows. Anything that changes the target locks it, so changes to one target are serialised.
    target_id uuid not null default gen_random_uuid()
    schema_name text not null
    table_name text not null
    target regclass not null
      -- The view, by name so that it survives dump and restore.
    feed regclass
      -- Table of the change feed; null when the target has none.
    created_by name not null
    shape jsonb not null
      -- What the state was built with: keys, sequence type, SCD type, tracked set, columns.
    created_at timestamp with time zone not null default now()
    truncated_before jsonb
      -- Sequence of the last truncate: events below it are dead. Texts of the order columns.
    truncated_at timestamp with time zone
      -- Wall-clock time of that truncate: the mark expires as tombstones do.
    commit_version bigint not null default 0
      -- Grows with every transaction that changes visible rows; the version in the change feed.
    changed_by xid8
      -- The transaction that set commit_version: its further changes belong to the same version.
    feed_starts_after bigint not null default 0
      -- Versions up to this one have left the change feed.
    snapshot_version text
    collected_at timestamp with time zone not null default now()
      -- When old tombstones and feed rows were last removed.
    refreshed_by uuid
      -- The update that is building a full refresh here; null for the target that people read.
    constraint _cdc_targets_name_key UNIQUE (schema_name, table_name)
    constraint _cdc_targets_pk PRIMARY KEY (target_id)
    policy _cdc_targets_sync for * to databricks_sync using true check true
table synced_tables._credentials row security [databricks_sync: DELETE INSERT SELECT UPDATE]
  -- The newest credential of a role. Stores neither the credential nor its verifier, only a hash of the verifier to recognise it.
    role_name name not null
    verifier_hash bytea not null
    issued_at timestamp with time zone not null
    expires_at timestamp with time zone not null
    constraint _credentials_pk PRIMARY KEY (role_name)
    policy _credentials_sync for * to databricks_sync using true check true
table synced_tables._databases row security [databricks_sync: DELETE INSERT SELECT UPDATE]
  -- Databases of this instance that sidecars manage in addition to those in their settings.
    database_name name not null
    added_by name not null
    added_at timestamp with time zone not null default now()
    constraint _databases_pk PRIMARY KEY (database_name)
    policy _databases_sync for * to databricks_sync using true check true
table synced_tables._definitions row security []
  -- Every object of the SQL side: the file of sql/ that defines it and who may use it. Rights are granted from here, and objects that leave the files are dropped.
    kind text not null
    identity text not null
    file text not null
    audience text not null
    hash text not null
      -- Hash of its text: views and triggers are replaced only when it differs, because replacing takes a lock.
    constraint _definitions_audience_check CHECK ((audience = ANY (ARRAY['owner'::text, 'sidecar'::text, 'operators'::text, 'managers'::text, 'everybody'::text])))
    constraint _definitions_pk PRIMARY KEY (kind, identity)
table synced_tables._events row security [databricks_sync: DELETE INSERT SELECT UPDATE]
  -- What happened, newest last. Never holds row values.
    event_id bigint not null identity a
    occurred_at timestamp with time zone not null default clock_timestamp()
    level text not null default 'INFO'::text
    event_type text not null
    synced_table text
    pipeline_id uuid
    update_id uuid
    message text not null
    details jsonb
    constraint _events_level_check CHECK ((level = ANY (ARRAY['INFO'::text, 'WARN'::text, 'ERROR'::text])))
    constraint _events_pk PRIMARY KEY (event_id)
    CREATE INDEX _events_pipeline_index ON synced_tables._events USING btree (pipeline_id, event_id)
    CREATE INDEX _events_table_index ON synced_tables._events USING btree (synced_table, occurred_at, event_id)
    CREATE INDEX _events_time_index ON synced_tables._events USING btree (occurred_at, event_id)
    CREATE INDEX _events_update_index ON synced_tables._events USING btree (update_id, occurred_at, event_id) WHERE (update_id IS NOT NULL)
    policy _events_sync for * to databricks_sync using true check true
    CREATE TRIGGER _events_notify_change AFTER INSERT ON synced_tables._events FOR EACH ROW EXECUTE FUNCTION synced_tables_internal._notify_change('event') (O)
S synced_tables._events_event_id_seq []
    last_value bigint not null
    log_cnt bigint not null
    is_called boolean not null
table synced_tables._flows row security [databricks_sync: DELETE INSERT SELECT UPDATE]
  -- What fills streaming tables: sources, keys and order. The progress of each flow is stored with its target.
    flow_id uuid not null default gen_random_uuid()
    table_id uuid not null
    flow_name text not null
    kind text not null
    source jsonb not null
    options jsonb not null
      -- Named as the SQL functions name them.
    created_by name not null
    created_at timestamp with time zone not null default clock_timestamp()
    constraint _flows_kind_check CHECK ((kind = ANY (ARRAY['changes'::text, 'snapshot'::text])))
    constraint _flows_name_key UNIQUE (table_id, flow_name)
    constraint _flows_pk PRIMARY KEY (flow_id)
    constraint _flows_table_fk FOREIGN KEY (table_id) REFERENCES synced_tables._streaming_tables(table_id) ON DELETE CASCADE
    policy _flows_sync for * to databricks_sync using true check true
    CREATE TRIGGER _flows_note_catalogs AFTER INSERT OR DELETE OR UPDATE OF source ON synced_tables._flows FOR EACH ROW EXECUTE FUNCTION synced_tables_internal._note_catalogs() (O)
table synced_tables._former_names row security [databricks_sync: DELETE INSERT SELECT UPDATE]
  -- Former synced tables, and the standard catalog in which each had its name, so that it is found there until it is dropped or synced again.
    schema_name text not null
    table_name text not null
    catalog_name text
      -- Null for one that had no name in a standard catalog.
    constraint _former_names_pk PRIMARY KEY (schema_name, table_name)
    policy _former_names_sync for * to databricks_sync using true check true
table synced_tables._hand_writes row security [databricks_sync: DELETE INSERT SELECT UPDATE]
  -- Synced tables that somebody else than a sidecar wrote to since their last copy. Mostly empty; never holds anything of rows. No foreign key: writers must not wait for the registry.
    write_id bigint not null identity a
    table_id uuid not null
    written_at timestamp with time zone not null default clock_timestamp()
    written_by name not null
      -- The role that the writing session acted as.
    command text not null
      -- What it did: INSERT, UPDATE, DELETE, TRUNCATE, or that a write gate was switched off, after which nobody knows.
    constraint _hand_writes_pk PRIMARY KEY (write_id)
    CREATE INDEX _hand_writes_table_index ON synced_tables._hand_writes USING btree (table_id)
    policy _hand_writes_sync for * to databricks_sync using true check true
    CREATE TRIGGER _hand_writes_notify_change AFTER INSERT ON synced_tables._hand_writes FOR EACH ROW EXECUTE FUNCTION synced_tables_internal._notify_change('wait') (O)
S synced_tables._hand_writes_write_id_seq []
    last_value bigint not null
    log_cnt bigint not null
    is_called boolean not null
table synced_tables._jobs row security [databricks_sync: DELETE INSERT SELECT UPDATE]
  -- What was created as a job: at most one for a pipeline, whose schedule is in _schedules.
    job_id bigint not null default ((('x'::text || substr(replace((gen_random_uuid())::text, '-'::text, ''::text), 1, 13)))::bit(52))::bigint
      -- Random, since jobs of all databases share their numbers; below 2^52, which every client keeps exact.
    pipeline_id uuid not null
      -- Of a pipeline that may have been deleted: the job then stays for its creator, to be given another one or to be deleted.
    settings jsonb not null
      -- As the client gave them.
    created_by name not null
    created_at timestamp with time zone not null default now()
    constraint _jobs_pipeline_key UNIQUE (pipeline_id)
    constraint _jobs_pk PRIMARY KEY (job_id)
    policy _jobs_sync for * to databricks_sync using true check true
view synced_tables._known_tables [databricks_sync: SELECT]
  -- Synced tables and streaming tables.
    table_id uuid
    synced_table text
    pipeline_id uuid
    created_by name
    relation regclass
  as
 SELECT t.table_id,
    t.synced_table,
    t.pipeline_id,
    t.created_by,
    t.relation
   FROM synced_tables._tables t
UNION ALL
 SELECT s.table_id,
    s.synced_table,
    s.pipeline_id,
    s.created_by,
    s.relation
   FROM synced_tables._streaming_tables s;
table synced_tables._lock_waits row security [databricks_sync: DELETE INSERT SELECT UPDATE]
  -- Whose transactions the switch of a table waits for. Told again every ten seconds: an older row is of a wait that is over.
    table_id uuid not null
    sessions jsonb not null
      -- The sessions in the way: [{"process", "role", "application", "since"}], without what they run.
    began_at timestamp with time zone not null default clock_timestamp()
    told_at timestamp with time zone not null default clock_timestamp()
    constraint _lock_waits_pk PRIMARY KEY (table_id)
    constraint _lock_waits_table_fk FOREIGN KEY (table_id) REFERENCES synced_tables._tables(table_id) ON DELETE CASCADE
    policy _lock_waits_sync for * to databricks_sync using true check true
    CREATE TRIGGER _lock_waits_notify_change AFTER INSERT OR UPDATE ON synced_tables._lock_waits FOR EACH ROW EXECUTE FUNCTION synced_tables_internal._notify_change('wait') (O)
table synced_tables._locks row security [databricks_sync: DELETE INSERT SELECT UPDATE]
  -- Rows that are locked in place of what they name, until the transaction ends. Not advisory locks, because anybody can take those.
    name text not null
    constraint _locks_pk PRIMARY KEY (name)
    policy _locks_sync for * to databricks_sync using true check true
table synced_tables._notices row security [databricks_sync: DELETE INSERT SELECT UPDATE]
  -- What listeners of the channel synced_table_notices and the webhook are told: failures, recoveries, lag. Never holds row values.
    notice_id bigint not null identity a
    occurred_at timestamp with time zone not null default clock_timestamp()
    kind text not null
    synced_table text not null
    table_id uuid not null
    pipeline_id uuid
    error_code text
    message text not null
    lag_seconds double precision
    attempts integer not null default 0
      -- How often the webhook was called with it.
    next_attempt_at timestamp with time zone
      -- Not before that, after an attempt that failed.
    claimed_until timestamp with time zone
      -- A sidecar is about to deliver it.
    ended_at timestamp with time zone
      -- When it was delivered, or given up; null while it waits, or if there is no webhook.
    constraint _notices_kind_check CHECK ((kind = ANY (ARRAY['failed'::text, 'recovered'::text, 'lagging'::text, 'caught_up'::text, 'changed_by_hand'::text, 'differs'::text])))
    constraint _notices_pk PRIMARY KEY (notice_id)
    CREATE INDEX _notices_time_index ON synced_tables._notices USING btree (occurred_at)
    CREATE INDEX _notices_waiting_index ON synced_tables._notices USING btree (notice_id) WHERE (ended_at IS NULL)
    policy _notices_sync for * to databricks_sync using true check true
    CREATE TRIGGER _notices_announce AFTER INSERT ON synced_tables._notices FOR EACH ROW EXECUTE FUNCTION synced_tables_internal._announce_notice() (O)
S synced_tables._notices_notice_id_seq []
    last_value bigint not null
    log_cnt bigint not null
    is_called boolean not null
table synced_tables._operations row security [databricks_sync: DELETE INSERT SELECT UPDATE]
  -- Operations of the last day: what each did, and for which role.
    operation_id uuid not null default gen_random_uuid()
    resource_name text not null
    action text not null
    role_name name not null
    created_at timestamp with time zone not null default now()
    constraint _operations_action_check CHECK ((action = ANY (ARRAY['CREATE'::text, 'DELETE'::text])))
    constraint _operations_pk PRIMARY KEY (operation_id)
    CREATE INDEX _operations_age_index ON synced_tables._operations USING btree (created_at)
    policy _operations_sync for * to databricks_sync using true check true
table synced_tables._pipeline_principals row security [databricks_sync: DELETE INSERT SELECT UPDATE]
  -- Who was named in the permissions of a pipeline, and as what, which clients compare with what they sent. Who may do what is decided by managers and memberships.
    pipeline_id uuid not null
    principal name not null
    kind text not null
    constraint _pipeline_principals_kind_check CHECK ((kind = ANY (ARRAY['user_name'::text, 'group_name'::text, 'service_principal_name'::text])))
    constraint _pipeline_principals_pipeline_fk FOREIGN KEY (pipeline_id) REFERENCES synced_tables._pipelines(pipeline_id) ON DELETE CASCADE
    constraint _pipeline_principals_pk PRIMARY KEY (pipeline_id, principal)
    policy _pipeline_principals_sync for * to databricks_sync using true check true
table synced_tables._pipeline_specs row security [databricks_sync: DELETE INSERT SELECT UPDATE]
  -- What the HTTP API received for a pipeline of flows and must return.
    pipeline_id uuid not null
    spec jsonb not null
    updated_at timestamp with time zone not null default clock_timestamp()
    files_hash text
      -- Tells whether the files of its libraries say something else by now; null without files.
    constraint _pipeline_specs_pipeline_fk FOREIGN KEY (pipeline_id) REFERENCES synced_tables._pipelines(pipeline_id) ON DELETE CASCADE
    constraint _pipeline_specs_pk PRIMARY KEY (pipeline_id)
    policy _pipeline_specs_sync for * to databricks_sync using true check true
table synced_tables._pipeline_views row security [databricks_sync: DELETE INSERT SELECT UPDATE]
  -- Queries of the lakehouse engine that the flows of a pipeline read. They are not objects of this database.
    pipeline_id uuid not null
    view_name text not null
    query text not null
    constraint _pipeline_views_pipeline_fk FOREIGN KEY (pipeline_id) REFERENCES synced_tables._pipelines(pipeline_id) ON DELETE CASCADE
    constraint _pipeline_views_pk PRIMARY KEY (pipeline_id, view_name)
    policy _pipeline_views_sync for * to databricks_sync using true check true
table synced_tables._pipelines row security [databricks_sync: DELETE INSERT SELECT UPDATE]
  -- What keeps one or more synced tables in sync. Run by one sidecar at a time: the lease holder.
    pipeline_id uuid not null default gen_random_uuid()
    name text not null
    scheduling_policy text not null
    created_by name not null
    created_at timestamp with time zone not null default now()
    lease_holder uuid
      -- The sidecar that runs the pipeline; null when none does.
    lease_epoch bigint not null default 0
      -- Grows whenever the holder changes. Every commit of a sync checks it (fencing).
    is_stopped boolean not null default false
      -- Whether somebody stopped a CONTINUOUS pipeline; the next request for an update makes it run again.
    trigger_interval_ms integer
      -- How often a CONTINUOUS pipeline looks for commits; null: the default of the sidecar's settings.
    publish text not null default 'separately'::text
      -- Whether an update publishes the tables one by one, or all of them in one transaction or none.
    kind text not null default 'SYNCED_TABLES'::text
      -- Whether it keeps synced tables, or streaming tables filled by flows.
    runs_in_program boolean not null default false
      -- Run by the program that declared it, because a function of that program is a source; sidecars leave it alone.
    paused_at timestamp with time zone
      -- Since when it neither follows its sources nor runs on its schedule, until somebody resumes it; null while it is not paused.
    paused_by name
      -- Who paused it; null while it is not paused.
    catalogs text[] not null default '{}'::text[]
      -- Names of the catalogs that its tables and flows name; kept by triggers. What the queries of its views read is not among them.
    constraint _pipelines_kind_check CHECK ((kind = ANY (ARRAY['SYNCED_TABLES'::text, 'FLOWS'::text])))
    constraint _pipelines_lease_holder_fk FOREIGN KEY (lease_holder) REFERENCES synced_tables._sidecars(holder) ON DELETE SET NULL
    constraint _pipelines_pk PRIMARY KEY (pipeline_id)
    constraint _pipelines_publish_check CHECK ((publish = ANY (ARRAY['separately'::text, 'together'::text])))
    constraint _pipelines_scheduling_policy_check CHECK ((scheduling_policy = ANY (ARRAY['SNAPSHOT'::text, 'TRIGGERED'::text, 'CONTINUOUS'::text])))
    constraint _pipelines_trigger_interval_ms_check CHECK (((trigger_interval_ms >= 10) AND (trigger_interval_ms <= 3600000)))
    CREATE UNIQUE INDEX _pipelines_flows_name_key ON synced_tables._pipelines USING btree (created_by, name) WHERE (kind = 'FLOWS'::text)
    CREATE INDEX _pipelines_lease_holder ON synced_tables._pipelines USING btree (lease_holder) WHERE (lease_holder IS NOT NULL)
    policy _pipelines_sync for * to databricks_sync using true check true
    CREATE TRIGGER _pipelines_forget_lock AFTER DELETE ON synced_tables._pipelines FOR EACH ROW EXECUTE FUNCTION synced_tables_internal._forget_pipeline_lock() (O)
    CREATE TRIGGER _pipelines_notify_change AFTER INSERT OR DELETE OR UPDATE OF paused_at, is_stopped, trigger_interval_ms, publish ON synced_tables._pipelines FOR EACH ROW EXECUTE FUNCTION synced_tables_internal._notify_change('pipeline') (O)
table synced_tables._previews row security [databricks_sync: DELETE INSERT SELECT UPDATE]
  -- Previews that read the rows of a source, running and of the last ten minutes. Unlogged: what they say of somebody's rows is in no WAL, no copy made by replication and no backup of files.
    preview_id uuid not null
    caller text not null
      -- Who asked for it, and who alone is told of it: the kind of caller, and the name.
    started_at timestamp with time zone not null default clock_timestamp()
    alive_until timestamp with time zone not null
      -- If it has not ended by then, the sidecar that reads is gone; it says so again every second.
    ended_at timestamp with time zone
    cancel_reason text
      -- Why it is to end: asked for by its caller, whichever sidecar was told; null if it is not.
    steps_done integer not null
    steps_total integer
    reply json not null
      -- What its caller is told, but for the steps.
    found json
      -- What the rows said, of which version, columns and key: for later previews of the same caller. Null until it is known.
    constraint _previews_pk PRIMARY KEY (preview_id)
    CREATE INDEX _previews_caller_index ON synced_tables._previews USING btree (caller, started_at)
    policy _previews_sync for * to databricks_sync using true check true
table synced_tables._registered_tables row security [databricks_sync: DELETE INSERT SELECT UPDATE]
  -- Postgres tables of this instance that have a three-part name without being synced.
    table_full_name text not null
    database_name name not null
    created_by name not null
    created_at timestamp with time zone not null default now()
    constraint _registered_tables_pk PRIMARY KEY (table_full_name)
    policy _registered_tables_sync for * to databricks_sync using true check true
table synced_tables._released_tables row security []
  -- Former synced tables that belong to people. Not open to the sidecar: functions with the rights of the owner act on it.
    relation regclass not null
    created_by name
    shape text not null
      -- What it was like when it was given away: one that was altered since is not taken over.
    managers jsonb not null
      -- Who managed it, to be its managers again when it is synced again.
    constraint _released_tables_pk PRIMARY KEY (relation)
table synced_tables._reserved_names row security [databricks_sync: DELETE INSERT SELECT UPDATE]
  -- Names that HTTP API requests are about to take, and where. A row outlives its request only if the sidecar dies.
    reservation_id uuid not null default gen_random_uuid()
    name text not null
    place text not null
      -- Instance and database. Among requests for a name in the same place, that place itself lets only one through.
    reserved_until timestamp with time zone not null
    constraint _reserved_names_pk PRIMARY KEY (reservation_id)
    CREATE INDEX _reserved_names_name_index ON synced_tables._reserved_names USING btree (name)
    policy _reserved_names_sync for * to databricks_sync using true check true
table synced_tables._samples row security [databricks_sync: DELETE INSERT SELECT UPDATE]
  -- Lag and rows of synced and streaming tables over time: see _take_samples. After two days one of each hour is left.
    table_id uuid not null
    sampled_at timestamp with time zone not null
      -- The minute of the sample, so that several sidecars take one.
    lag_seconds real
    lag_versions bigint
    row_count bigint
    synced_version bigint
    is_failed boolean not null
    is_hourly boolean not null default false
      -- Whether it is the one that is left of its hour.
    constraint _samples_pk PRIMARY KEY (table_id, sampled_at)
    CREATE INDEX _samples_time_index ON synced_tables._samples USING brin (sampled_at) WITH (autosummarize='on')
    policy _samples_sync for * to databricks_sync using true check true
table synced_tables._schedules row security [databricks_sync: DELETE INSERT SELECT UPDATE]
  -- When pipelines are updated automatically; at most one schedule per pipeline.
    pipeline_id uuid not null
    cron text not null
    time_zone text not null
    next_run_at timestamp with time zone
      -- Null: a sidecar has yet to compute it, or there is none (see message).
    last_run_at timestamp with time zone
    last_update_id uuid
    message text
      -- Why the schedule does not run; null if it does.
    created_by name not null
    created_at timestamp with time zone not null default now()
    constraint _schedules_pipeline_fk FOREIGN KEY (pipeline_id) REFERENCES synced_tables._pipelines(pipeline_id) ON DELETE CASCADE
    constraint _schedules_pk PRIMARY KEY (pipeline_id)
    CREATE INDEX _schedules_next_run_index ON synced_tables._schedules USING btree (next_run_at)
    policy _schedules_sync for * to databricks_sync using true check true
    CREATE TRIGGER _schedules_notify_change AFTER INSERT OR DELETE OR UPDATE OF cron, time_zone, next_run_at, message ON synced_tables._schedules FOR EACH ROW EXECUTE FUNCTION synced_tables_internal._notify_change('pipeline') (O)
table synced_tables._schema row security [databricks_superuser: SELECT, databricks_sync: SELECT]
  -- Which release installed which objects. One row.
    is_only boolean not null default true
    release text not null default ''::text
      -- The release of synced-tables that these functions, views and triggers come from.
    layer_hash text not null default ''::text
      -- Hash over the files that define them; when it differs they are applied again.
    newest_breaking integer not null default 0
      -- Number of the newest file of sql/ that older sidecars cannot work with; the file sets it.
    constraint _schema_is_only_check CHECK (is_only)
    constraint _schema_pk PRIMARY KEY (is_only)
    policy _schema_read for r to public using true check none
table synced_tables._served_routines row security []
  -- The statement that serves a call of each routine; its arguments come as a text array.
    routine text not null
    statement text not null
    constraint _served_routines_pk PRIMARY KEY (routine)
table synced_tables._service row security [databricks_sync: DELETE INSERT SELECT UPDATE]
  -- The identity of an instance, and the secret its credentials are derived from. One row.
    is_only boolean not null default true
    instance_uid uuid not null default gen_random_uuid()
    created_at timestamp with time zone not null default now()
    credential_secret bytea not null default (uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()))
    call_secret bytea not null default (uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()))
    place text not null default databricks_auth.place()
      -- The cluster and database in which repair() last found nothing missing.
    constraint _service_is_only_check CHECK (is_only)
    constraint _service_pk PRIMARY KEY (is_only)
    policy _service_sync for * to databricks_sync using true check true
table synced_tables._sidecars row security with (fillfactor=10) [databricks_sync: DELETE INSERT SELECT UPDATE]
  -- The sidecars, and programs, that run pipelines of this database.
    holder uuid not null
      -- What _pipelines.lease_holder names.
    expires_at timestamp with time zone not null
      -- When others may take its pipelines over, unless it renews this before.
    joined_at timestamp with time zone not null default clock_timestamp()
    serves_all boolean not null default true
      -- False for a program that runs a pipeline of its own only.
    trouble text
      -- What keeps it from its work at the moment; null if nothing does.
    catalogs text[]
      -- Names of the catalogs in its settings; null for a program, and for a sidecar of an older release, which takes everything.
    constraint _sidecars_pk PRIMARY KEY (holder)
    policy _sidecars_sync for * to databricks_sync using true check true
view synced_tables._signed_caller [databricks_superuser: SELECT, databricks_sync: SELECT, public: SELECT]
  -- The signature of the role that reads it, for functions that return rows; see table_changes.
    signature bytea
  as
 SELECT synced_tables_internal._call_signature(CURRENT_USER, call_secret) AS signature
   FROM synced_tables._service s;
table synced_tables._staging_schemas row security [databricks_sync: DELETE INSERT SELECT UPDATE]
  -- Schemas that clients have made to stage pipelines in, as names: nothing is staged in them here.
    catalog_name text not null
    schema_name text not null
    schema_uid uuid not null default gen_random_uuid()
    settings jsonb not null
      -- Comment and properties, as the client gave them.
    grants jsonb not null default '{}'::jsonb
      -- Privileges by principal, as the client gave them; of no effect, since there is nothing in a schema.
    created_by name not null
    created_at timestamp with time zone not null default now()
    updated_by name not null
    updated_at timestamp with time zone not null default now()
    constraint _staging_schemas_pk PRIMARY KEY (catalog_name, schema_name)
    constraint _staging_schemas_uid_key UNIQUE (schema_uid)
    CREATE UNIQUE INDEX _staging_schemas_name_index ON synced_tables._staging_schemas USING btree (lower(catalog_name), lower(schema_name))
    policy _staging_schemas_sync for * to databricks_sync using true check true
table synced_tables._streaming_tables row security [databricks_sync: DELETE INSERT SELECT UPDATE]
  -- Targets of flows: declared tables and their status.
    table_id uuid not null default gen_random_uuid()
    schema_name text not null
    table_name text not null
    synced_table text not null generated synced_tables_internal._display_name(schema_name, table_name)
    pipeline_id uuid not null
    declared jsonb not null default '{}'::jsonb
      -- Columns, comment and tombstone threshold as declared.
    state text not null default 'SYNCED_TABLE_PROVISIONING'::text
    message text
    relation regclass
      -- The view that people read; null until the first update creates it.
    last_sync_at timestamp with time zone
    last_error_code text
    created_by name not null
    created_at timestamp with time zone not null default clock_timestamp()
    is_failed boolean not null default false
      -- Whether the last update failed with a permanent error: followers skip the table until an update succeeds.
    declaration_hash text not null default ''::text
      -- Identifies this declaration of the table, its flows and its pipeline's views. A batch is committed only if the hash is still the one it was read under.
    failed_since timestamp with time zone
      -- When the first of the failures came since which no update has succeeded; null while it is not failed.
    failing_column text
      -- As in _tables.
    failing_keys text[]
      -- As in _tables.
    told_failure boolean not null default false
      -- As in _tables.
    behind_since timestamp with time zone
      -- When the first change of its sources was seen that the table does not reflect yet; null if none is known of.
    constraint _streaming_tables_name_key UNIQUE (schema_name, table_name)
    constraint _streaming_tables_pipeline_fk FOREIGN KEY (pipeline_id) REFERENCES synced_tables._pipelines(pipeline_id) ON DELETE CASCADE
    constraint _streaming_tables_pk PRIMARY KEY (table_id)
    constraint _streaming_tables_state_check CHECK ((state = ANY (ARRAY['SYNCED_TABLE_PROVISIONING'::text, 'SYNCED_TABLE_PROVISIONING_INITIAL_SNAPSHOT'::text, 'SYNCED_TABLE_ONLINE_TRIGGERED_UPDATE'::text, 'SYNCED_TABLE_ONLINE_NO_PENDING_UPDATE'::text, 'SYNCED_TABLE_ONLINE'::text, 'SYNCED_TABLE_ONLINE_CONTINUOUS_UPDATE'::text, 'SYNCED_TABLE_ONLINE_UPDATING_PIPELINE_RESOURCES'::text, 'SYNCED_TABLE_ONLINE_PIPELINE_FAILED'::text, 'SYNCED_TABLE_OFFLINE_FAILED'::text])))
    CREATE INDEX _streaming_tables_pipeline_index ON synced_tables._streaming_tables USING btree (pipeline_id)
    policy _streaming_tables_sync for * to databricks_sync using true check true
    CREATE TRIGGER _streaming_tables_forget_failing_keys AFTER DELETE ON synced_tables._streaming_tables FOR EACH ROW EXECUTE FUNCTION synced_tables_internal._forget_failing_keys() (O)
    CREATE TRIGGER _streaming_tables_forget_lock AFTER DELETE ON synced_tables._streaming_tables FOR EACH ROW EXECUTE FUNCTION synced_tables_internal._forget_name_lock() (O)
    CREATE TRIGGER _streaming_tables_forget_samples AFTER DELETE ON synced_tables._streaming_tables FOR EACH ROW EXECUTE FUNCTION synced_tables_internal._forget_samples() (O)
    CREATE TRIGGER _streaming_tables_notify_change AFTER INSERT OR DELETE ON synced_tables._streaming_tables FOR EACH ROW EXECUTE FUNCTION synced_tables_internal._notify_change('table') (O)
    CREATE TRIGGER _streaming_tables_notify_state AFTER UPDATE OF state, message, last_error_code, last_sync_at, relation ON synced_tables._streaming_tables FOR EACH ROW WHEN (((old.state IS DISTINCT FROM new.state) OR (old.message IS DISTINCT FROM new.message) OR (old.last_error_code IS DISTINCT FROM new.last_error_code) OR (old.last_sync_at IS DISTINCT FROM new.last_sync_at) OR ((old.relation)::oid IS DISTINCT FROM (new.relation)::oid))) EXECUTE FUNCTION synced_tables_internal._notify_change('table') (O)
    CREATE TRIGGER _streaming_tables_tell_failure BEFORE UPDATE OF state, last_error_code, last_sync_at ON synced_tables._streaming_tables FOR EACH ROW WHEN ((new.told_failure OR (new.state = ANY (ARRAY['SYNCED_TABLE_ONLINE_PIPELINE_FAILED'::text, 'SYNCED_TABLE_OFFLINE_FAILED'::text])))) EXECUTE FUNCTION synced_tables_internal._tell_failure() (O)
table synced_tables._table_specs row security [databricks_sync: DELETE INSERT SELECT UPDATE]
  -- What the HTTP API received for a synced table and must return.
    table_id uuid not null
    catalog_name text
      -- The catalog of its three-part name; null when a database catalog gives it.
    spec jsonb not null
    constraint _table_specs_pk PRIMARY KEY (table_id)
    constraint _table_specs_table_fk FOREIGN KEY (table_id) REFERENCES synced_tables._tables(table_id) ON DELETE CASCADE
    policy _table_specs_sync for * to databricks_sync using true check true
table synced_tables._table_updates row security [databricks_sync: DELETE INSERT SELECT UPDATE]
  -- What an update did to one synced table. No foreign key to _tables: history outlives the table.
    update_id uuid not null
    table_id uuid not null
    synced_table text not null
    source_table_full_name text not null
    state text not null
    method text
      -- How the rows were written: SNAPSHOT, MERGE and so on.
    previous_version bigint
    synced_version bigint
    rows_written bigint
    rows_deleted bigint
    rows_without_key bigint
      -- Source rows left out because a key column was null.
    rows_with_stripped_characters bigint
    load_seconds double precision
    switch_ms double precision
    started_at timestamp with time zone
    finished_at timestamp with time zone
    error_code text
    message text
    remedy text
    batches bigint
      -- Commits of an update that follows its source; its counts are totals over them.
    failed_attempts integer
      -- Consecutive transient failures; null when the last attempt succeeded.
    next_attempt_at timestamp with time zone
      -- When the table is tried again while the update goes on.
    num_upserted_rows bigint
      -- Rows of a streaming table inserted or updated by a flow from changes; null otherwise.
    num_deleted_rows bigint
      -- Rows of a streaming table removed by a flow from changes; null otherwise.
    failing_column text
      -- The column of error_code whose values are at fault; null if not exactly one is.
    failing_keys text[]
      -- Keys of a few rows that error_code is about: shown only to roles that may read the table. Kept only while the table is registered.
    pipeline_id uuid
      -- Of the update: what histories are looked up by.
    requested_at timestamp with time zone
      -- When the update was requested: what histories are listed by.
    constraint _table_updates_pk PRIMARY KEY (update_id, table_id)
    constraint _table_updates_state_check CHECK ((state = ANY (ARRAY['QUEUED'::text, 'RUNNING'::text, 'COMPLETED'::text, 'FAILED'::text, 'CANCELED'::text])))
    constraint _table_updates_update_fk FOREIGN KEY (update_id) REFERENCES synced_tables._updates(update_id) ON DELETE CASCADE
    CREATE INDEX _table_updates_failing_index ON synced_tables._table_updates USING btree (table_id) WHERE (failing_keys IS NOT NULL)
    CREATE INDEX _table_updates_finished_index ON synced_tables._table_updates USING btree (finished_at) WHERE (finished_at IS NOT NULL)
    CREATE INDEX _table_updates_name_index ON synced_tables._table_updates USING btree (synced_table, requested_at)
    CREATE INDEX _table_updates_pipeline_index ON synced_tables._table_updates USING btree (pipeline_id, requested_at)
    CREATE INDEX _table_updates_requested_index ON synced_tables._table_updates USING btree (requested_at)
    CREATE INDEX _table_updates_running_index ON synced_tables._table_updates USING btree (update_id) WHERE (state = 'RUNNING'::text)
    CREATE INDEX _table_updates_table_index ON synced_tables._table_updates USING btree (table_id)
    policy _table_updates_sync for * to databricks_sync using true check true
    CREATE TRIGGER _table_updates_place BEFORE INSERT ON synced_tables._table_updates FOR EACH ROW EXECUTE FUNCTION synced_tables_internal._place_update() (O)
table synced_tables._tables row security [databricks_sync: DELETE INSERT SELECT UPDATE]
  -- The registry of synced tables: the source of each, and how far it has synced.
    table_id uuid not null default gen_random_uuid()
    schema_name text not null
    table_name text not null
    synced_table text not null generated synced_tables_internal._display_name(schema_name, table_name)
      -- How messages and views name the table; _display_name.
    source_table_full_name text not null
    primary_key_columns text[] not null
    timeseries_key text
    invalid_characters text not null default 'fail'::text
    create_schema_if_missing boolean not null default true
    pipeline_id uuid not null
    state text not null default 'SYNCED_TABLE_PROVISIONING'::text
      -- Names of the Databricks API, the misspelled SYNCED_TABLED_OFFLINE included.
    message text
    relation regclass
      -- The synced table; null until its first load is published. Kept when the table is dropped by hand.
    source_table_id text
      -- Identity of the source table. A different one means the source was recreated.
    synced_version bigint
      -- The source version that the table reflects.
    source_version bigint
      -- The newest source version seen.
    source_committed_at timestamp with time zone
      -- When source_version was committed in the source.
    row_count bigint
    rows_done bigint
      -- Progress of the running update; null when none runs.
    rows_total bigint
    last_sync_started_at timestamp with time zone
    last_sync_at timestamp with time zone
    last_error_code text
    created_by name not null
    created_at timestamp with time zone not null default now()
    source_bookmark text
      -- The place in the source's history from which the next changes are read.
    allow_file_diff boolean not null default false
      -- Whether differences between files may be used where the source's change feed was off.
    on_history_gap text not null default 'fail'::text
      -- What to do when the source has lost the history that the next update needs: fail, or refresh the whole table.
    type_overrides jsonb not null default '[]'::jsonb
      -- Columns stored as another Postgres type: [{"column_name", "pg_type", "size"}].
    extra_columns jsonb not null default '[]'::jsonb
      -- Columns that exist only in Postgres: [{"column_name", "column_type", "compute", "maintenance"}].
    extra_index_definitions jsonb not null default '[]'::jsonb
      -- Indexes made after the first load: [{"name", "definition", "creation_point"}].
    accelerated_sync boolean not null default false
      -- Whether full copies load over more connections.
    new_pipeline_spec jsonb
      -- Kept as it was given and returned on request; has no effect.
    is_failed boolean not null default false
      -- Whether the last update failed with a permanent error: followers skip the table until an update succeeds.
    provisioning_phase text
      -- What the running load does: MAIN copies rows, INDEX_SCAN builds the key and indexes; names of the Databricks API.
    processing_version bigint
      -- The source version that the running load copies. Like the phase and its start, meaningless while rows_done is null.
    phase_started_at timestamp with time zone
    synced_committed_at timestamp with time zone
      -- When synced_version was committed in the source.
    behind_since timestamp with time zone
      -- Time of the oldest commit seen that the table does not reflect yet.
    failed_since timestamp with time zone
      -- When the first of the failures came since which no update has succeeded; null while it is not failed.
    failing_column text
      -- The column of last_error_code whose values are at fault; null if not exactly one is.
    failing_keys text[]
      -- Keys of a few rows that last_error_code is about: shown only to roles that may read the table.
    columns text[]
      -- The source columns that the table has; null: all, also those that the source gets later.
    row_filter text
      -- Which source rows the table has: an expression of the lakehouse's SQL over one row; null: all.
    made_schema boolean not null default false
      -- Whether its schema was made for it: a create that is rejected takes an empty schema back.
    told_failure boolean not null default false
      -- Whether the newest notice about failures said that it has failed.
    told_lag boolean not null default false
      -- Whether the newest notice about lag said that it lags.
    constraint _tables_columns_check CHECK (((columns IS NULL) OR (cardinality(columns) > 0)))
    constraint _tables_invalid_characters_check CHECK ((invalid_characters = ANY (ARRAY['fail'::text, 'strip'::text])))
    constraint _tables_name_key UNIQUE (schema_name, table_name)
    constraint _tables_on_history_gap_check CHECK ((on_history_gap = ANY (ARRAY['fail'::text, 'refresh'::text])))
    constraint _tables_pipeline_fk FOREIGN KEY (pipeline_id) REFERENCES synced_tables._pipelines(pipeline_id)
    constraint _tables_pk PRIMARY KEY (table_id)
    constraint _tables_primary_key_columns_check CHECK ((cardinality(primary_key_columns) > 0))
    constraint _tables_provisioning_phase_check CHECK ((provisioning_phase = ANY (ARRAY['PROVISIONING_PHASE_MAIN'::text, 'PROVISIONING_PHASE_INDEX_SCAN'::text, 'PROVISIONING_PHASE_INDEX_SORT'::text])))
    constraint _tables_row_filter_check CHECK (((row_filter IS NULL) OR (row_filter ~ '\S'::text)))
    constraint _tables_state_check CHECK ((state = ANY (ARRAY['SYNCED_TABLE_PROVISIONING'::text, 'SYNCED_TABLE_PROVISIONING_PIPELINE_RESOURCES'::text, 'SYNCED_TABLE_PROVISIONING_INITIAL_SNAPSHOT'::text, 'SYNCED_TABLE_ONLINE'::text, 'SYNCED_TABLE_ONLINE_CONTINUOUS_UPDATE'::text, 'SYNCED_TABLE_ONLINE_TRIGGERED_UPDATE'::text, 'SYNCED_TABLE_ONLINE_NO_PENDING_UPDATE'::text, 'SYNCED_TABLE_ONLINE_UPDATING_PIPELINE_RESOURCES'::text, 'SYNCED_TABLE_ONLINE_PIPELINE_FAILED'::text, 'SYNCED_TABLE_OFFLINE_FAILED'::text, 'SYNCED_TABLED_OFFLINE'::text])))
    CREATE INDEX _tables_pipeline_index ON synced_tables._tables USING btree (pipeline_id)
    CREATE INDEX _tables_relation_index ON synced_tables._tables USING btree (relation) WHERE (relation IS NOT NULL)
    CREATE INDEX _tables_source_index ON synced_tables._tables USING btree (source_table_full_name)
    policy _tables_sync for * to databricks_sync using true check true
    CREATE TRIGGER _tables_forget_failing_keys AFTER DELETE ON synced_tables._tables FOR EACH ROW EXECUTE FUNCTION synced_tables_internal._forget_failing_keys() (O)
    CREATE TRIGGER _tables_forget_lock AFTER DELETE ON synced_tables._tables FOR EACH ROW EXECUTE FUNCTION synced_tables_internal._forget_name_lock() (O)
    CREATE TRIGGER _tables_forget_samples AFTER DELETE ON synced_tables._tables FOR EACH ROW EXECUTE FUNCTION synced_tables_internal._forget_samples() (O)
    CREATE TRIGGER _tables_forget_verifications AFTER DELETE ON synced_tables._tables FOR EACH ROW EXECUTE FUNCTION synced_tables_internal._forget_verifications() (O)
    CREATE TRIGGER _tables_has_gone AFTER DELETE ON synced_tables._tables FOR EACH ROW EXECUTE FUNCTION synced_tables_internal._table_has_gone() (O)
    CREATE TRIGGER _tables_note_catalogs AFTER INSERT OR DELETE OR UPDATE OF source_table_full_name, pipeline_id ON synced_tables._tables FOR EACH ROW EXECUTE FUNCTION synced_tables_internal._note_catalogs() (O)
    CREATE TRIGGER _tables_notify_change AFTER INSERT OR DELETE ON synced_tables._tables FOR EACH ROW EXECUTE FUNCTION synced_tables_internal._notify_change('table') (O)
    CREATE TRIGGER _tables_notify_state AFTER UPDATE OF state, message, last_error_code, synced_version, source_version, relation, rows_done ON synced_tables._tables FOR EACH ROW WHEN (((old.state IS DISTINCT FROM new.state) OR (old.message IS DISTINCT FROM new.message) OR (old.last_error_code IS DISTINCT FROM new.last_error_code) OR (old.synced_version IS DISTINCT FROM new.synced_version) OR (old.source_version IS DISTINCT FROM new.source_version) OR ((old.relation)::oid IS DISTINCT FROM (new.relation)::oid) OR ((old.rows_done IS NULL) <> (new.rows_done IS NULL)))) EXECUTE FUNCTION synced_tables_internal._notify_change('table') (O)
    CREATE TRIGGER _tables_tell_failure BEFORE UPDATE OF state, last_error_code, last_sync_at ON synced_tables._tables FOR EACH ROW WHEN ((new.told_failure OR (new.state = ANY (ARRAY['SYNCED_TABLE_ONLINE_PIPELINE_FAILED'::text, 'SYNCED_TABLE_OFFLINE_FAILED'::text, 'SYNCED_TABLED_OFFLINE'::text])))) EXECUTE FUNCTION synced_tables_internal._tell_failure() (O)
table synced_tables._tokens row security [databricks_sync: DELETE INSERT SELECT UPDATE]
  -- Bearer tokens of the HTTP API: the SHA-256 of each, and the role it acts as. Rows are kept: an API that once required tokens does not become open again.
    token_id uuid not null default gen_random_uuid()
    token_hash bytea not null
    role_name name not null
    role_oid oid not null
      -- A role that was dropped and recreated under the same name is a different role.
    description text
    made_grant boolean not null
      -- Whether the role was granted to databricks_gateway for this token; revoking the last such token takes it back.
    created_by name not null
    created_at timestamp with time zone not null default now()
    expires_at timestamp with time zone
    revoked_at timestamp with time zone
    place text not null default databricks_auth.place()
      -- The place where role_oid was valid; tells repair() whether to trust the OID or the name.
    last_used_at timestamp with time zone
      -- When a request last carried it, to the hour: written at most once an hour.
    constraint _tokens_hash_check CHECK ((length(token_hash) = 32))
    constraint _tokens_hash_key UNIQUE (token_hash)
    constraint _tokens_pk PRIMARY KEY (token_id)
    policy _tokens_sync for * to databricks_sync using true check true
table synced_tables._updates row security [databricks_sync: DELETE INSERT SELECT UPDATE]
  -- Runs of pipelines: past, running and waiting. A QUEUED row is the durable request. No foreign key to the pipeline: history outlives it.
    update_id uuid not null default gen_random_uuid()
    pipeline_id uuid not null
    cause text not null default 'USER_ACTION'::text
    full_refresh boolean not null default false
    state text not null default 'QUEUED'::text
    requested_by name
    created_at timestamp with time zone not null default now()
    started_at timestamp with time zone
    finished_at timestamp with time zone
    attempt integer not null default 0
      -- How often it has been started.
    next_attempt_at timestamp with time zone
      -- A QUEUED update does not start before this time; null: immediately.
    error_code text
    message text
    remedy text
    sql_state text
    mode text not null default 'DEFAULT'::text
      -- DEFAULT: ends when the tables are up to date. CONTINUOUS: follows the source until another update is requested. VALIDATE: checks flows against their sources, and writes nothing. CHANGE: changes how one table is synced, together with its rows where they have to be others.
    selection jsonb
      -- Which tables of the pipeline are updated, and which of those by a full refresh: {"refresh": […], "full_refresh": […]} with names as in _tables.synced_table; null: all.
    ended_before_tables boolean not null default false
      -- Whether it has ended and is listed by itself, because it came to none of its tables.
    changed_table_id uuid
      -- The synced table that an update of mode CHANGE changes.
    change jsonb
      -- What an update of mode CHANGE changes, in the names of alter_synced_table: all of it in the transaction that makes the rows visible, or nothing.
    state_before jsonb
      -- What the status of the table said before an update of mode CHANGE began: restored if the change is refused.
    constraint _updates_cause_check CHECK ((cause = ANY (ARRAY['API_CALL'::text, 'INFRASTRUCTURE_MAINTENANCE'::text, 'JOB_TASK'::text, 'RETRY_ON_FAILURE'::text, 'SCHEMA_CHANGE'::text, 'SERVICE_UPGRADE'::text, 'USER_ACTION'::text])))
    constraint _updates_change_check CHECK ((((mode = 'CHANGE'::text) = (changed_table_id IS NOT NULL)) AND ((mode = 'CHANGE'::text) = (change IS NOT NULL))))
    constraint _updates_mode_check CHECK ((mode = ANY (ARRAY['DEFAULT'::text, 'CONTINUOUS'::text, 'VALIDATE'::text, 'CHANGE'::text])))
    constraint _updates_pk PRIMARY KEY (update_id)
    constraint _updates_sql_state_check CHECK (((sql_state ~ '^[0-9A-Z]{5}$'::text) AND (sql_state !~ '^0[012]'::text)))
    constraint _updates_state_check CHECK ((state = ANY (ARRAY['QUEUED'::text, 'RUNNING'::text, 'COMPLETED'::text, 'FAILED'::text, 'CANCELED'::text])))
    CREATE INDEX _updates_finished_index ON synced_tables._updates USING btree (finished_at) WHERE (finished_at IS NOT NULL)
    CREATE UNIQUE INDEX _updates_follower_key ON synced_tables._updates USING btree (pipeline_id) WHERE ((mode = 'CONTINUOUS'::text) AND (state = ANY (ARRAY['QUEUED'::text, 'RUNNING'::text])))
    CREATE INDEX _updates_history_index ON synced_tables._updates USING btree (pipeline_id, created_at DESC)
    CREATE INDEX _updates_open_index ON synced_tables._updates USING btree (pipeline_id, created_at) WHERE (state = ANY (ARRAY['QUEUED'::text, 'RUNNING'::text]))
    CREATE INDEX _updates_without_tables_index ON synced_tables._updates USING btree (created_at) WHERE ended_before_tables
    policy _updates_sync for * to databricks_sync using true check true
    CREATE TRIGGER _updates_notify AFTER INSERT OR UPDATE OF state, next_attempt_at ON synced_tables._updates FOR EACH ROW WHEN (((new.state = 'QUEUED'::text) AND ((new.next_attempt_at IS NULL) OR (new.next_attempt_at <= now())))) EXECUTE FUNCTION synced_tables_internal._notify_request() (O)
    CREATE TRIGGER _updates_notify_change AFTER INSERT OR UPDATE OF state, next_attempt_at ON synced_tables._updates FOR EACH ROW EXECUTE FUNCTION synced_tables_internal._notify_change('update') (O)
    CREATE TRIGGER _updates_unreached BEFORE INSERT OR UPDATE OF state ON synced_tables._updates FOR EACH ROW WHEN ((new.state = ANY (ARRAY['COMPLETED'::text, 'FAILED'::text, 'CANCELED'::text]))) EXECUTE FUNCTION synced_tables_internal._note_unreached() (O)
table synced_tables._verifications row security [databricks_sync: DELETE INSERT SELECT UPDATE]
  -- Comparisons of synced tables with their sources: past, running and waiting. Not part of a pipeline: syncs continue meanwhile. No foreign key to _tables: history outlives the table.
    verification_id uuid not null default gen_random_uuid()
    table_id uuid not null
    synced_table text not null
    source_table_full_name text not null
    state text not null default 'QUEUED'::text
    requested_by name
    created_at timestamp with time zone not null default clock_timestamp()
    started_at timestamp with time zone
    finished_at timestamp with time zone
    attempt integer not null default 0
    claimed_by uuid
      -- The sidecar doing the comparison; its claim expires like a lease.
    claim_expires_at timestamp with time zone
    synced_version bigint
    source_rows bigint
    target_rows bigint
    missing_rows bigint
    extra_rows bigint
    different_rows bigint
    differences jsonb
      -- Up to 20 differing keys with row values: shown only to roles that may read the table. Kept for the newest verification of a table, and only while the table is registered.
    error_code text
    message text
    remedy text
    sql_state text
    failing_column text
      -- As in _table_updates.
    failing_keys text[]
      -- As in _table_updates; kept for the newest verification of a table.
    constraint _verifications_pk PRIMARY KEY (verification_id)
    constraint _verifications_sql_state_check CHECK (((sql_state ~ '^[0-9A-Z]{5}$'::text) AND (sql_state !~ '^0[012]'::text)))
    constraint _verifications_state_check CHECK ((state = ANY (ARRAY['QUEUED'::text, 'RUNNING'::text, 'COMPLETED'::text, 'FAILED'::text, 'CANCELED'::text])))
    CREATE INDEX _verifications_queue_index ON synced_tables._verifications USING btree (created_at) WHERE (state = ANY (ARRAY['QUEUED'::text, 'RUNNING'::text]))
    CREATE INDEX _verifications_table_index ON synced_tables._verifications USING btree (table_id, created_at DESC)
    policy _verifications_sync for * to databricks_sync using true check true
    CREATE TRIGGER _verifications_notify AFTER INSERT ON synced_tables._verifications FOR EACH ROW EXECUTE FUNCTION synced_tables_internal._notify_request() (O)
    CREATE TRIGGER _verifications_notify_change AFTER INSERT OR UPDATE OF state ON synced_tables._verifications FOR EACH ROW EXECUTE FUNCTION synced_tables_internal._notify_change('verification') (O)
    CREATE TRIGGER _verifications_tell_difference AFTER UPDATE OF state ON synced_tables._verifications FOR EACH ROW WHEN (((new.error_code = 'TABLES_DIFFER'::text) AND (old.error_code IS DISTINCT FROM new.error_code))) EXECUTE FUNCTION synced_tables_internal._tell_difference() (O)
view synced_tables.audit [databricks_superuser: SELECT, databricks_sync: SELECT]
  -- Who created, changed, synced, paused or deleted what, appointed managers, made tokens, or wrote by hand; newest first, as long as events are kept.
    audit_id bigint
    occurred_at timestamp with time zone
    role_name name
      -- Who: the role that the session acted as; over HTTP, that of the token.
    action text
      -- The function that was called, or what was done: add_manager, remove_manager, drop_table, write_by_hand, repair, generate_database_credential.
    object text
      -- The table, the tables of the pipeline, or the role of the token.
    door text
      -- SQL, CLI or HTTP. CLI is what the client says of itself.
    login_role name
    application text
    client_address inet
    details jsonb
      -- Arguments of the call, without secrets.
  as
 SELECT audit_id,
    occurred_at,
    role_name,
    action,
    object,
    door,
    login_role,
    application,
    client_address,
    details
   FROM synced_tables._audit a
  ORDER BY audit_id DESC;
view synced_tables.definitions with (security_barrier=true) [databricks_superuser: SELECT, databricks_sync: SELECT, public: SELECT]
  -- Which file of sql/ defines each object of the SQL side, and who may use it.
    kind text
    object text
    file text
    audience text
  as
 SELECT kind,
    identity AS object,
    file,
    audience
   FROM synced_tables._definitions d;
view synced_tables.events with (security_barrier=true) [databricks_superuser: SELECT, databricks_sync: SELECT]
  -- What happened to synced tables, newest first.
    event_id bigint
    occurred_at timestamp with time zone
    level text
    event_type text
    synced_table text
    pipeline_id uuid
    update_id uuid
    message text
    details jsonb
  as
 WITH known AS NOT MATERIALIZED (
         SELECT k.synced_table,
            k.pipeline_id
           FROM synced_tables._known_tables k
        ), seen AS NOT MATERIALIZED (
         SELECT k.synced_table,
            k.pipeline_id
           FROM synced_tables._known_tables k
          WHERE synced_tables_internal._may_see(k.created_by, k.relation)
        )
 SELECT event_id,
    occurred_at,
    level,
    event_type,
    synced_table,
    pipeline_id,
    update_id,
    message,
    details
   FROM synced_tables._events e
  WHERE (( SELECT synced_tables_internal._may_control_all() AS _may_control_all) OR
        CASE
            WHEN ((synced_table, pipeline_id) IN ( SELECT k.synced_table,
                k.pipeline_id
               FROM known k)) THEN ((synced_table, pipeline_id) IN ( SELECT s.synced_table,
                s.pipeline_id
               FROM seen s))
            ELSE (( SELECT u.requested_by
               FROM synced_tables._updates u
              WHERE (u.update_id = e.update_id)) IN ( SELECT a.rolname
               FROM pg_roles a
              WHERE synced_tables_internal._may_control(a.rolname)))
        END)
  ORDER BY event_id DESC;
view synced_tables.installation [databricks_superuser: SELECT, databricks_sync: SELECT, public: SELECT]
  -- What is installed here, by whom, and how synced tables are guarded. One row.
    release text
    guard text
      -- whole, or by ownership: without event triggers, where the server lets nobody make them; docs/guides/managed-postgres.md has what differs.
    installed_by regrole
    missing_grants text[]
      -- What only a role with the ADMIN option can grant: without it, members of databricks_superuser read synced tables, not all tables.
  as
 SELECT s.release,
    databricks_auth.mode() AS guard,
    (n.nspowner)::regrole AS installed_by,
    ARRAY( SELECT format('GRANT %I TO %I;'::text, w.role_name, w.grantee) AS format
           FROM databricks_auth.wanted_memberships() w(role_name, grantee, what_for)
          WHERE (NOT pg_has_role(w.grantee, w.role_name, 'usage'::text))) AS missing_grants
   FROM (synced_tables._schema s
     JOIN pg_namespace n ON ((n.nspname = 'databricks_auth'::name)));
table synced_tables.migrations [databricks_superuser: SELECT, databricks_sync: SELECT]
  -- The numbered files of sql/ applied to this database.
    id integer not null
    name character varying(100) not null
    hash character varying(40) not null
    executed_at timestamp without time zone default CURRENT_TIMESTAMP
    constraint migrations_name_key UNIQUE (name)
    constraint migrations_pk PRIMARY KEY (id)
view synced_tables.notices with (security_barrier=true) [databricks_superuser: SELECT, databricks_sync: SELECT]
  -- Failures, recoveries, lag and changes by hand, newest first: what the channel synced_table_notices and the webhook tell.
    notice_id bigint
    occurred_at timestamp with time zone
    kind text
      -- failed, recovered, lagging, caught_up, changed_by_hand or differs.
    synced_table text
    error_code text
    message text
    lag_seconds double precision
    attempts integer
    delivered_at timestamp with time zone
      -- When the webhook took it; null while it waits, after a day without success, or without a webhook.
  as
 SELECT notice_id,
    occurred_at,
    kind,
    synced_table,
    error_code,
    message,
    lag_seconds,
    attempts,
    delivered_at
   FROM ( SELECT n.notice_id,
            n.occurred_at,
            n.kind,
            n.synced_table,
            n.error_code,
            n.message,
            n.lag_seconds,
            n.attempts,
            n.ended_at AS delivered_at
           FROM synced_tables._notices n
          WHERE (( SELECT synced_tables_internal._may_control_all() AS _may_control_all) OR (n.table_id IN ( SELECT k.table_id
                   FROM synced_tables._known_tables k
                  WHERE synced_tables_internal._may_see(k.created_by, k.relation))))
          ORDER BY n.notice_id DESC) told
 OFFSET 0;
view synced_tables.objects with (security_barrier=true) [databricks_superuser: SELECT, databricks_sync: SELECT]
  -- What hangs on synced and streaming tables: partition, indexes, dependents, rights, managers. A refresh keeps all of it.
    synced_table text
    kind text
      -- TABLE (its whole size), PARTITION, PRIMARY_KEY, INDEX, VIEW, MATERIALIZED_VIEW, FOREIGN_KEY (to the table), FUNCTION, OTHER, PUBLICATION, COMMENT, GRANT or MANAGER.
    name text
    definition text
      -- The statement that makes it; null for what a sync makes.
    size_bytes bigint
    is_valid boolean
    scans bigint
      -- How often the index was used since the last switch.
    depth integer
      -- Of what depends on the table: 1, or more through views.
    blocks_drop boolean
      -- Whether DROP TABLE, and a deletion with purge, is refused for it. The rest goes with the table.
    granted_by name
    granted_at timestamp with time zone
  as
 WITH seen AS (
         SELECT k.synced_table,
            k.relation
           FROM (synced_tables._known_tables k
             JOIN pg_class c ON ((c.oid = (k.relation)::oid)))
          WHERE synced_tables_internal._may_see(k.created_by, k.relation)
        )
 SELECT s.synced_table,
    o.kind,
    o.name,
    o.definition,
    o.size_bytes,
    o.is_valid,
    o.scans,
    NULL::integer AS depth,
    false AS blocks_drop,
    NULL::name AS granted_by,
    NULL::timestamp with time zone AS granted_at
   FROM (seen s
     CROSS JOIN LATERAL synced_tables_internal._parts_of(s.relation) o(kind, name, definition, size_bytes, is_valid, scans))
UNION ALL
 SELECT s.synced_table,
    o.kind,
    o.name,
    o.definition,
    o.size_bytes,
    NULL::boolean AS is_valid,
    NULL::bigint AS scans,
    o.depth,
    true AS blocks_drop,
    NULL::name AS granted_by,
    NULL::timestamp with time zone AS granted_at
   FROM (seen s
     CROSS JOIN LATERAL synced_tables_internal._dependents_of(s.relation) o(kind, name, definition, size_bytes, depth))
UNION ALL
 SELECT s.synced_table,
    'GRANT'::text AS kind,
    o.grantee AS name,
    o.definition,
    NULL::bigint AS size_bytes,
    NULL::boolean AS is_valid,
    NULL::bigint AS scans,
    NULL::integer AS depth,
    false AS blocks_drop,
    o.granted_by,
    NULL::timestamp with time zone AS granted_at
   FROM (seen s
     CROSS JOIN LATERAL synced_tables_internal._grants_on(s.relation) o(grantee, definition, granted_by))
UNION ALL
 SELECT s.synced_table,
    'MANAGER'::text AS kind,
    m.manager AS name,
    format('SELECT public.databricks_synced_table_add_manager(%L, %L);'::text, s.synced_table, m.manager) AS definition,
    NULL::bigint AS size_bytes,
    NULL::boolean AS is_valid,
    NULL::bigint AS scans,
    NULL::integer AS depth,
    false AS blocks_drop,
    m.granted_by,
    m.granted_at
   FROM ((seen s
     JOIN databricks_auth.managers m ON (((m.synced_table)::oid = (s.relation)::oid)))
     JOIN pg_roles r ON (((r.rolname = m.manager) AND (r.oid = m.manager_oid))))
  WHERE (m.place = databricks_auth.place());
view synced_tables.samples with (security_barrier=true) [databricks_superuser: SELECT, databricks_sync: SELECT]
  -- Lag and rows of synced and streaming tables over time: every minute while something changes, else every 15 minutes; every hour after two days.
    synced_table text
    sampled_at timestamp with time zone
      -- To the minute. Where there is none for more than 15 minutes, no sidecar ran.
    lag_seconds double precision
      -- As in synced_tables.status.
    lag_versions bigint
    row_count bigint
      -- Of a streaming table about how many, as Postgres knows since the last ANALYZE.
    synced_version bigint
    is_failed boolean
      -- Whether the last update had failed for good.
  as
 SELECT t.synced_table,
    s.sampled_at,
    (s.lag_seconds)::double precision AS lag_seconds,
    s.lag_versions,
    s.row_count,
    s.synced_version,
    s.is_failed
   FROM (synced_tables._tables t
     JOIN synced_tables._samples s USING (table_id))
  WHERE synced_tables_internal._may_see(t.created_by, t.relation)
UNION ALL
 SELECT t.synced_table,
    s.sampled_at,
    (s.lag_seconds)::double precision AS lag_seconds,
    s.lag_versions,
    s.row_count,
    s.synced_version,
    s.is_failed
   FROM (synced_tables._streaming_tables t
     JOIN synced_tables._samples s USING (table_id))
  WHERE synced_tables_internal._may_see(t.created_by, t.relation);
view synced_tables.schedules with (security_barrier=true) [databricks_superuser: SELECT, databricks_sync: SELECT]
  -- When pipelines are updated automatically.
    pipeline_id uuid
    synced_tables text[]
    cron text
    time_zone text
    next_run_at timestamp with time zone
      -- Null until a sidecar has computed it, and if there is none: message says why.
    last_run_at timestamp with time zone
    last_update_id uuid
    message text
    created_by name
    paused_at timestamp with time zone
      -- Since when the pipeline is paused: what was due meanwhile runs once it is resumed.
  as
 SELECT s.pipeline_id,
    t.synced_tables,
    s.cron,
    s.time_zone,
    s.next_run_at,
    s.last_run_at,
    s.last_update_id,
    s.message,
    s.created_by,
    p.paused_at
   FROM ((synced_tables._schedules s
     JOIN synced_tables._pipelines p USING (pipeline_id))
     CROSS JOIN LATERAL ( SELECT array_agg(t_1.synced_table ORDER BY t_1.synced_table) AS synced_tables,
            bool_or(synced_tables_internal._may_see(t_1.created_by, t_1.relation)) AS may_see
           FROM synced_tables._tables t_1
          WHERE (t_1.pipeline_id = s.pipeline_id)) t)
  WHERE t.may_see;
view synced_tables.sidecars [databricks_superuser: SELECT, databricks_sync: SELECT]
  -- The sidecars, and programs, that run pipelines of this database at this moment.
    sidecar uuid
      -- Its id, as in its log.
    joined_at timestamp with time zone
    catalogs text[]
      -- Names of the catalogs in its settings: it takes updates of those only. Null: it takes any.
    pipelines bigint
      -- How many pipelines it runs now.
    serves_all boolean
      -- False for a program that runs a pipeline of its own only.
    trouble text
      -- What keeps it from its work at the moment; null if nothing does.
  as
 SELECT holder AS sidecar,
    joined_at,
    catalogs,
    ( SELECT count(*) AS count
           FROM synced_tables._pipelines p
          WHERE (p.lease_holder = s.holder)) AS pipelines,
    serves_all,
    trouble
   FROM synced_tables._sidecars s
  WHERE (expires_at >= clock_timestamp());
view synced_tables.status with (security_barrier=true) [databricks_superuser: SELECT, databricks_sync: SELECT]
  -- One row per synced or streaming table: its state and how fresh it is.
    synced_table text
    table_name regclass
      -- The table itself; null before its first load and after it was dropped.
    source_table_full_name text
    scheduling_policy text
    state text
      -- As the Databricks API names it.
    message text
    synced_version bigint
    source_version bigint
    lag_versions bigint
      -- Source versions that the table does not reflect yet.
    lag_seconds double precision
      -- Age of the oldest commit of the source that the sidecar has seen and the table does not reflect yet; 0 if there is none, null for a table that was dropped. Commits are seen when an update looks for them. Of a streaming table the time since changes of its sources wait for it.
    row_count bigint
    rows_done bigint
      -- Rows moved so far by the running update.
    rows_total bigint
      -- Rows that the running update will move, if known.
    last_sync_at timestamp with time zone
    last_error_code text
    pipeline_id uuid
    provisioning_phase text
      -- What a running load does: PROVISIONING_PHASE_MAIN copies rows, PROVISIONING_PHASE_INDEX_SCAN builds the key and indexes; null when none runs.
    sync_progress_completion double precision
      -- Fraction of the rows that a running load has copied, 0 to 1.
    estimated_completion_seconds double precision
      -- Time to copy the remaining rows at the rate so far, without the indexes built afterwards.
    processing_version bigint
      -- The source version that a running load copies.
    synced_committed_at timestamp with time zone
      -- When synced_version was committed in the source.
    last_sync_started_at timestamp with time zone
      -- When the newest successful sync began; its rows became visible at last_sync_at.
    publish text
      -- Whether updates publish the tables of the pipeline separately or together.
    failing_column text
      -- The column of last_error_code whose values are at fault, for roles that may read the table; null if not exactly one is.
    failing_keys text[]
      -- Keys of a few source rows that last_error_code is about, as texts: shown to roles that may read the table.
    paused_at timestamp with time zone
      -- Since when the pipeline of the table is paused; null while it is not.
    paused_by name
      -- Who paused the pipeline.
    columns text[]
      -- The source columns that the table has; null: all.
    row_filter text
      -- Which source rows the table has: an expression of the lakehouse's SQL over one row; null: all.
    changed_by_hand_at timestamp with time zone
      -- Since when somebody else than a sidecar has written to it; null if nobody has since its last copy.
    changed_by_hand_by name
      -- The first role that did.
  as
 SELECT synced_table,
    table_name,
    source_table_full_name,
    scheduling_policy,
    state,
    message,
    synced_version,
    source_version,
    lag_versions,
    lag_seconds,
    row_count,
    rows_done,
    rows_total,
    last_sync_at,
    last_error_code,
    pipeline_id,
    provisioning_phase,
    sync_progress_completion,
    estimated_completion_seconds,
    processing_version,
    synced_committed_at,
    last_sync_started_at,
    publish,
    failing_column,
    failing_keys,
    paused_at,
    paused_by,
    columns,
    row_filter,
    changed_by_hand_at,
    changed_by_hand_by
   FROM ( SELECT t.synced_table,
            (c.oid)::regclass AS table_name,
            t.source_table_full_name,
            p.scheduling_policy,
                CASE
                    WHEN d.dropped THEN 'SYNCED_TABLED_OFFLINE'::text
                    ELSE t.state
                END AS state,
                CASE
                    WHEN d.dropped THEN synced_tables_internal._dropped_message(t.synced_table)
                    ELSE NULLIF(concat_ws(' '::text, synced_tables_internal._told_message(t.message, h.message), w.message), ''::text)
                END AS message,
            t.synced_version,
            t.source_version,
                CASE
                    WHEN (NOT d.dropped) THEN (t.source_version - t.synced_version)
                    ELSE NULL::bigint
                END AS lag_versions,
                CASE
                    WHEN d.dropped THEN NULL::double precision
                    WHEN (t.synced_version >= t.source_version) THEN (0)::double precision
                    WHEN (t.synced_version IS NOT NULL) THEN (GREATEST((0)::numeric, EXTRACT(epoch FROM (clock_timestamp() - COALESCE(t.behind_since, t.source_committed_at)))))::double precision
                    ELSE NULL::double precision
                END AS lag_seconds,
            t.row_count,
            t.rows_done,
            t.rows_total,
            t.last_sync_at,
            t.last_error_code,
            t.pipeline_id,
                CASE
                    WHEN (t.rows_done IS NOT NULL) THEN t.provisioning_phase
                    ELSE NULL::text
                END AS provisioning_phase,
                CASE
                    WHEN (t.rows_total > 0) THEN LEAST((1)::double precision, ((t.rows_done)::double precision / (t.rows_total)::double precision))
                    ELSE NULL::double precision
                END AS sync_progress_completion,
                CASE
                    WHEN ((t.provisioning_phase = 'PROVISIONING_PHASE_MAIN'::text) AND ((t.rows_done * 100) >= t.rows_total)) THEN (((EXTRACT(epoch FROM (clock_timestamp() - t.phase_started_at)) * (GREATEST((0)::bigint, (t.rows_total - t.rows_done)))::numeric) / (NULLIF(t.rows_done, 0))::numeric))::double precision
                    ELSE NULL::double precision
                END AS estimated_completion_seconds,
                CASE
                    WHEN (t.rows_done IS NOT NULL) THEN t.processing_version
                    ELSE NULL::bigint
                END AS processing_version,
            t.synced_committed_at,
            t.last_sync_started_at,
            p.publish,
                CASE
                    WHEN ((t.last_error_code IS NOT NULL) AND (t.failing_column IS NOT NULL) AND synced_tables_internal._may_read(t.created_by, t.relation)) THEN t.failing_column
                    ELSE NULL::text
                END AS failing_column,
                CASE
                    WHEN ((t.last_error_code IS NOT NULL) AND (t.failing_keys IS NOT NULL) AND synced_tables_internal._may_read(t.created_by, t.relation)) THEN t.failing_keys
                    ELSE NULL::text[]
                END AS failing_keys,
            p.paused_at,
            p.paused_by,
            t.columns,
            t.row_filter,
            h.changed_at AS changed_by_hand_at,
            h.changed_by AS changed_by_hand_by
           FROM (((((synced_tables._tables t
             JOIN synced_tables._pipelines p USING (pipeline_id))
             LEFT JOIN pg_class c ON ((c.oid = (t.relation)::oid)))
             LEFT JOIN synced_tables_internal._waiting w USING (pipeline_id))
             LEFT JOIN synced_tables_internal._hand_changes h ON ((h.table_id = t.table_id)))
             CROSS JOIN LATERAL ( SELECT ((t.relation IS NOT NULL) AND (c.oid IS NULL)) AS dropped) d)
          WHERE (( SELECT synced_tables_internal._may_control_all() AS _may_control_all) OR synced_tables_internal._may_see(t.created_by, t.relation))
        UNION ALL
         SELECT s.synced_table,
            (c.oid)::regclass AS oid,
            ( SELECT string_agg(COALESCE(( SELECT string_agg(part.value, '.'::text ORDER BY part.ordinality) AS string_agg
                           FROM jsonb_array_elements_text((f.source -> 'parts'::text)) WITH ORDINALITY part(value, ordinality)), (f.source ->> 'kind'::text)), ', '::text ORDER BY f.flow_name) AS string_agg
                   FROM synced_tables._flows f
                  WHERE (f.table_id = s.table_id)) AS string_agg,
            p.scheduling_policy,
            s.state,
            NULLIF(concat_ws(' '::text, s.message, w.message), ''::text) AS "nullif",
            NULL::bigint,
            NULL::bigint,
            NULL::bigint,
                CASE
                    WHEN (s.behind_since IS NOT NULL) THEN (GREATEST((0)::numeric, EXTRACT(epoch FROM (clock_timestamp() - s.behind_since))))::double precision
                    WHEN ((s.last_sync_at IS NOT NULL) AND (NOT s.is_failed)) THEN (0)::double precision
                    ELSE NULL::double precision
                END AS "case",
            NULL::bigint,
            NULL::bigint,
            NULL::bigint,
            s.last_sync_at,
            s.last_error_code,
            s.pipeline_id,
            NULL::text,
            NULL::double precision,
            NULL::double precision,
            NULL::bigint,
            NULL::timestamp with time zone,
            NULL::timestamp with time zone,
            p.publish,
                CASE
                    WHEN ((s.last_error_code IS NOT NULL) AND (s.failing_column IS NOT NULL) AND synced_tables_internal._may_read(s.created_by, s.relation)) THEN s.failing_column
                    ELSE NULL::text
                END AS "case",
                CASE
                    WHEN ((s.last_error_code IS NOT NULL) AND (s.failing_keys IS NOT NULL) AND synced_tables_internal._may_read(s.created_by, s.relation)) THEN s.failing_keys
                    ELSE NULL::text[]
                END AS "case",
            p.paused_at,
            p.paused_by,
            NULL::text[],
            NULL::text,
            NULL::timestamp with time zone,
            NULL::name
           FROM (((synced_tables._streaming_tables s
             JOIN synced_tables._pipelines p USING (pipeline_id))
             LEFT JOIN pg_class c ON ((c.oid = (s.relation)::oid)))
             LEFT JOIN synced_tables_internal._waiting w USING (pipeline_id))
          WHERE (( SELECT synced_tables_internal._may_control_all() AS _may_control_all) OR synced_tables_internal._may_see(s.created_by, s.relation))) known
 OFFSET 0;
view synced_tables.tokens with (security_barrier=true) [databricks_superuser: SELECT, databricks_sync: SELECT]
  -- Bearer tokens of the HTTP API, without anything that would let a reader use them.
    token_id uuid
    role_name name
    description text
    created_by name
    created_at timestamp with time zone
    expires_at timestamp with time zone
    revoked_at timestamp with time zone
    state text
    last_used_at timestamp with time zone
      -- When a request last carried it, to the hour; null if none did.
  as
 SELECT token_id,
    role_name,
    description,
    created_by,
    created_at,
    expires_at,
    revoked_at,
        CASE
            WHEN (revoked_at IS NOT NULL) THEN 'REVOKED'::text
            WHEN (expires_at <= now()) THEN 'EXPIRED'::text
            WHEN (NOT (EXISTS ( SELECT
               FROM pg_roles r
              WHERE ((r.oid = t.role_oid) AND (r.rolname = t.role_name))))) THEN 'ROLE_MISSING'::text
            ELSE 'ACTIVE'::text
        END AS state,
    last_used_at
   FROM synced_tables._tokens t;
view synced_tables.updates with (security_barrier=true) [databricks_superuser: SELECT, databricks_sync: SELECT]
  -- History of runs, newest first: one row per update and synced table.
    update_id uuid
    synced_table text
    pipeline_id uuid
    cause text
    full_refresh boolean
    state text
    method text
      -- How the rows were written: SNAPSHOT, MERGE and so on.
    synced_version bigint
    rows_written bigint
    rows_deleted bigint
    rows_without_key bigint
      -- Source rows left out because a key column was null.
    rows_with_stripped_characters bigint
    load_seconds double precision
    switch_ms double precision
    error_code text
    message text
    remedy text
    attempt integer
    next_attempt_at timestamp with time zone
    requested_by name
    created_at timestamp with time zone
    started_at timestamp with time zone
    finished_at timestamp with time zone
    mode text
      -- CONTINUOUS: follows the source until another update is requested; its counts grow meanwhile. VALIDATE: only checks flows. CHANGE: changes how the table is synced.
    batches bigint
      -- How often an update of mode CONTINUOUS has committed.
    failed_attempts integer
      -- Consecutive transient failures; the next attempt is at next_attempt_at.
    num_upserted_rows bigint
      -- Rows of a streaming table inserted or updated by its flows from changes; null otherwise.
    num_deleted_rows bigint
      -- Rows of a streaming table removed by its flows from changes; null otherwise.
    failing_column text
      -- The column of error_code whose values are at fault, for roles that may read the table; null if not exactly one is.
    failing_keys text[]
      -- Keys of a few source rows that error_code is about, as texts: shown to roles that may read the table, as long as it exists.
    previous_version bigint
      -- The source version that the table reflected before.
  as
 WITH seen AS NOT MATERIALIZED (
         SELECT k.table_id
           FROM synced_tables._known_tables k
          WHERE synced_tables_internal._may_see(k.created_by, k.relation)
        ), controlled AS NOT MATERIALIZED (
         SELECT a.rolname
           FROM pg_roles a
          WHERE synced_tables_internal._may_control(a.rolname)
        ), readable AS NOT MATERIALIZED (
         SELECT k.table_id
           FROM synced_tables._known_tables k
          WHERE synced_tables_internal._may_read(k.created_by, k.relation)
        )
 SELECT update_id,
    synced_table,
    pipeline_id,
    cause,
    full_refresh,
    state,
    method,
    synced_version,
    rows_written,
    rows_deleted,
    rows_without_key,
    rows_with_stripped_characters,
    load_seconds,
    switch_ms,
    error_code,
    message,
    remedy,
    attempt,
    next_attempt_at,
    requested_by,
    created_at,
    started_at,
    finished_at,
    mode,
    batches,
    failed_attempts,
    num_upserted_rows,
    num_deleted_rows,
    failing_column,
    failing_keys,
    previous_version
   FROM (( SELECT r.update_id,
            r.synced_table,
            r.pipeline_id,
            u.cause,
            (u.full_refresh OR COALESCE(((u.selection -> 'full_refresh'::text) ? r.synced_table), false)) AS full_refresh,
            r.state,
            r.method,
            r.synced_version,
            r.rows_written,
            r.rows_deleted,
            r.rows_without_key,
            r.rows_with_stripped_characters,
            r.load_seconds,
            r.switch_ms,
            COALESCE(r.error_code, u.error_code) AS error_code,
            COALESCE(r.message, u.message) AS message,
            COALESCE(r.remedy, u.remedy) AS remedy,
            u.attempt,
            COALESCE(r.next_attempt_at, u.next_attempt_at) AS next_attempt_at,
            u.requested_by,
            r.requested_at AS created_at,
            COALESCE(r.started_at, u.started_at) AS started_at,
            COALESCE(r.finished_at, u.finished_at) AS finished_at,
            u.mode,
            r.batches,
            r.failed_attempts,
            r.num_upserted_rows,
            r.num_deleted_rows,
                CASE
                    WHEN ((r.failing_keys IS NOT NULL) AND (r.table_id IN ( SELECT b.table_id
                       FROM readable b))) THEN r.failing_column
                    ELSE NULL::text
                END AS failing_column,
                CASE
                    WHEN ((r.failing_keys IS NOT NULL) AND (r.table_id IN ( SELECT b.table_id
                       FROM readable b))) THEN r.failing_keys
                    ELSE NULL::text[]
                END AS failing_keys,
            r.previous_version
           FROM (synced_tables._table_updates r
             CROSS JOIN LATERAL ( SELECT u_1.update_id,
                    u_1.pipeline_id,
                    u_1.cause,
                    u_1.full_refresh,
                    u_1.state,
                    u_1.requested_by,
                    u_1.created_at,
                    u_1.started_at,
                    u_1.finished_at,
                    u_1.attempt,
                    u_1.next_attempt_at,
                    u_1.error_code,
                    u_1.message,
                    u_1.remedy,
                    u_1.sql_state,
                    u_1.mode,
                    u_1.selection,
                    u_1.ended_before_tables,
                    u_1.changed_table_id,
                    u_1.change,
                    u_1.state_before
                   FROM synced_tables._updates u_1
                  WHERE (u_1.update_id = r.update_id)
                 OFFSET 0) u)
          WHERE (( SELECT synced_tables_internal._may_control_all() AS _may_control_all) OR (r.table_id IN ( SELECT s.table_id
                   FROM seen s)) OR (u.requested_by IN ( SELECT c.rolname
                   FROM controlled c)))
          ORDER BY r.requested_at DESC)
        UNION ALL
         SELECT u.update_id,
            t.synced_table,
            u.pipeline_id,
            u.cause,
            (u.full_refresh OR COALESCE(((u.selection -> 'full_refresh'::text) ? t.synced_table), false)),
            u.state,
            NULL::text,
            NULL::bigint,
            NULL::bigint,
            NULL::bigint,
            NULL::bigint,
            NULL::bigint,
            NULL::double precision,
            NULL::double precision,
            u.error_code,
            u.message,
            u.remedy,
            u.attempt,
            u.next_attempt_at,
            u.requested_by,
            u.created_at,
            u.started_at,
            u.finished_at,
            u.mode,
            NULL::bigint,
            NULL::integer,
            NULL::bigint,
            NULL::bigint,
            NULL::text,
            NULL::text[],
            NULL::bigint
           FROM (synced_tables._updates u
             LEFT JOIN synced_tables._known_tables t USING (pipeline_id))
          WHERE ((u.state = ANY (ARRAY['QUEUED'::text, 'RUNNING'::text])) AND (NOT (EXISTS ( SELECT
                   FROM synced_tables._table_updates r
                  WHERE (r.update_id = u.update_id)))) AND ((u.selection IS NULL) OR ((u.selection -> 'refresh'::text) ? t.synced_table) OR ((u.selection -> 'full_refresh'::text) ? t.synced_table)) AND (( SELECT synced_tables_internal._may_control_all() AS _may_control_all) OR (t.table_id IN ( SELECT s.table_id
                   FROM seen s)) OR (u.requested_by IN ( SELECT c.rolname
                   FROM controlled c))))
        UNION ALL
         SELECT u.update_id,
            NULL::text,
            u.pipeline_id,
            u.cause,
            u.full_refresh,
            u.state,
            NULL::text,
            NULL::bigint,
            NULL::bigint,
            NULL::bigint,
            NULL::bigint,
            NULL::bigint,
            NULL::double precision,
            NULL::double precision,
            u.error_code,
            u.message,
            u.remedy,
            u.attempt,
            u.next_attempt_at,
            u.requested_by,
            u.created_at,
            u.started_at,
            u.finished_at,
            u.mode,
            NULL::bigint,
            NULL::integer,
            NULL::bigint,
            NULL::bigint,
            NULL::text,
            NULL::text[],
            NULL::bigint
           FROM synced_tables._updates u
          WHERE (u.ended_before_tables AND (NOT (EXISTS ( SELECT
                   FROM synced_tables._table_updates r
                  WHERE (r.update_id = u.update_id)))) AND (( SELECT synced_tables_internal._may_control_all() AS _may_control_all) OR (u.requested_by IN ( SELECT c.rolname
                   FROM controlled c))))) listed
  ORDER BY created_at DESC;
view synced_tables.verifications with (security_barrier=true) [databricks_superuser: SELECT, databricks_sync: SELECT]
  -- Comparisons of synced tables with their sources.
    verification_id uuid
    synced_table text
    source_table_full_name text
    state text
    is_equal boolean
      -- Whether every row and cell was equal; null if they were not compared.
    synced_version bigint
      -- The source version that the table reflected, and at which the source was read.
    source_rows bigint
    target_rows bigint
    missing_rows bigint
      -- Rows of the source that the table lacks.
    extra_rows bigint
      -- Rows of the table that the source lacks.
    different_rows bigint
      -- Keys present in both, with different values.
    differences jsonb
      -- Up to 20 differing keys, with the values of source and table as texts: shown to roles that may read the table, and kept for its newest verification.
    error_code text
    message text
    remedy text
    requested_by name
    created_at timestamp with time zone
    started_at timestamp with time zone
    finished_at timestamp with time zone
    failing_column text
      -- As in synced_tables.updates.
    failing_keys text[]
      -- Keys of a few source rows for which the tables could not be compared, as texts: shown to roles that may read the table, and kept for its newest verification.
  as
 SELECT v.verification_id,
    v.synced_table,
    v.source_table_full_name,
    v.state,
        CASE
            WHEN (v.state = 'COMPLETED'::text) THEN (v.error_code IS NULL)
            ELSE NULL::boolean
        END AS is_equal,
    v.synced_version,
    v.source_rows,
    v.target_rows,
    v.missing_rows,
    v.extra_rows,
    v.different_rows,
        CASE
            WHEN synced_tables_internal._may_read(t.created_by, t.relation) THEN v.differences
            ELSE NULL::jsonb
        END AS differences,
    v.error_code,
    v.message,
    v.remedy,
    v.requested_by,
    v.created_at,
    v.started_at,
    v.finished_at,
        CASE
            WHEN synced_tables_internal._may_read(t.created_by, t.relation) THEN v.failing_column
            ELSE NULL::text
        END AS failing_column,
        CASE
            WHEN synced_tables_internal._may_read(t.created_by, t.relation) THEN v.failing_keys
            ELSE NULL::text[]
        END AS failing_keys
   FROM (synced_tables._verifications v
     LEFT JOIN synced_tables._tables t USING (table_id))
  WHERE (synced_tables_internal._may_control(v.requested_by) OR synced_tables_internal._may_see(t.created_by, t.relation));
view synced_tables_internal._hand_changes [databricks_sync: SELECT]
  -- Tables that were changed by hand since their last copy: since when, and who began.
    table_id uuid
    changed_at timestamp with time zone
    changed_by name
    roles bigint
    message text
  as
 SELECT table_id,
    changed_at,
    changed_by,
    roles,
    format('Changed by hand since %s by %s%s, so it may differ from its source; the next update mends that.'::text, to_char((changed_at AT TIME ZONE 'UTC'::text), 'YYYY-MM-DD HH24:MI:SS "UTC"'::text), quote_ident((changed_by)::text),
        CASE
            WHEN (roles > 1) THEN ' and others'::text
            ELSE ''::text
        END) AS message
   FROM ( SELECT w.table_id,
            min(w.written_at) AS changed_at,
            (array_agg(w.written_by ORDER BY w.written_at))[1] AS changed_by,
            count(DISTINCT w.written_by) AS roles
           FROM synced_tables._hand_writes w
          GROUP BY w.table_id) h;
view synced_tables_internal._leases [databricks_sync: SELECT]
  -- The leases in force.
    pipeline_id uuid
    lease_holder uuid
    lease_epoch bigint
    expires_at timestamp with time zone
  as
 SELECT p.pipeline_id,
    p.lease_holder,
    p.lease_epoch,
    s.expires_at
   FROM (synced_tables._pipelines p
     JOIN synced_tables._sidecars s ON ((s.holder = p.lease_holder)))
  WHERE (s.expires_at >= clock_timestamp());
view synced_tables_internal._strange [databricks_sync: SELECT]
  -- Pipelines with an update that no running sidecar takes, because none has a catalog of theirs; configured: those that they have.
    pipeline_id uuid
    catalogs text[]
    configured text
  as
 SELECT p.pipeline_id,
    p.catalogs,
    l.configured
   FROM (( SELECT count(*) AS sidecars,
            COALESCE(bool_or((s.catalogs IS NULL)), false) AS takes_any,
            ( SELECT string_agg(DISTINCT k.k, ', '::text) AS string_agg
                   FROM synced_tables._sidecars o,
                    LATERAL unnest(o.catalogs) k(k)
                  WHERE (o.serves_all AND (o.expires_at >= clock_timestamp()))) AS configured
           FROM synced_tables._sidecars s
          WHERE (s.serves_all AND (s.expires_at >= clock_timestamp()))) l
     JOIN synced_tables._pipelines p ON (((l.sidecars > 0) AND (NOT l.takes_any) AND (p.catalogs <> '{}'::text[]) AND (NOT p.runs_in_program))))
  WHERE ((NOT (EXISTS ( SELECT
           FROM synced_tables._sidecars s
          WHERE (s.serves_all AND (s.expires_at >= clock_timestamp()) AND (p.catalogs && s.catalogs))))) AND (NOT (EXISTS ( SELECT
           FROM synced_tables_internal._leases h
          WHERE (h.pipeline_id = p.pipeline_id)))) AND (EXISTS ( SELECT
           FROM synced_tables._updates u
          WHERE ((u.pipeline_id = p.pipeline_id) AND (u.state = ANY (ARRAY['QUEUED'::text, 'RUNNING'::text])) AND (NOT synced_tables_internal._waits_for_resume(p.paused_at, u.cause))))));
view synced_tables_internal._waiting [databricks_sync: SELECT]
  -- What is told of pipelines that are paused, or whose updates no sidecar takes or can go on with.
    pipeline_id uuid
    message text
  as
 SELECT pipeline_id,
    string_agg(message, ' '::text ORDER BY place) AS message
   FROM ( SELECT 1 AS place,
            u.pipeline_id,
            COALESCE(('The update waits: '::text || min(u.message)), format('An update has been due for %s s, and no sidecar has begun it: see synced-tables doctor.'::text, floor(EXTRACT(epoch FROM (clock_timestamp() - min(COALESCE(u.next_attempt_at, u.created_at))))))) AS message
           FROM (synced_tables._updates u
             JOIN synced_tables._pipelines p USING (pipeline_id))
          WHERE ((u.state = 'QUEUED'::text) AND (NOT synced_tables_internal._waits_for_resume(p.paused_at, u.cause)) AND ((u.message IS NOT NULL) OR (COALESCE(u.next_attempt_at, u.created_at) < (clock_timestamp() - '00:00:30'::interval))) AND (NOT (EXISTS ( SELECT
                   FROM synced_tables_internal._leases l
                  WHERE (l.pipeline_id = p.pipeline_id)))) AND (NOT (EXISTS ( SELECT
                   FROM synced_tables_internal._strange s
                  WHERE (s.pipeline_id = p.pipeline_id)))))
          GROUP BY u.pipeline_id
        UNION ALL
         SELECT 1,
            s.pipeline_id,
            format('The update waits for a sidecar with catalog %s in its settings; those that run have: %s.'::text, array_to_string(s.catalogs, ', '::text), COALESCE(s.configured, 'none'::text)) AS format
           FROM synced_tables_internal._strange s
        UNION ALL
         SELECT 1,
            l.pipeline_id,
            ('Its sidecar cannot go on: '::text || s.trouble)
           FROM (synced_tables_internal._leases l
             JOIN synced_tables._sidecars s ON ((s.holder = l.lease_holder)))
          WHERE (s.trouble IS NOT NULL)
        UNION ALL
         SELECT 2,
            p.pipeline_id,
            format('Paused by %s since %s. To resume it, call synced_tables.resume_pipeline.'::text, quote_ident((p.paused_by)::text), to_char((p.paused_at AT TIME ZONE 'UTC'::text), 'YYYY-MM-DD HH24:MI "UTC"'::text)) AS format
           FROM synced_tables._pipelines p
          WHERE (p.paused_at IS NOT NULL)) n
  GROUP BY pipeline_id;

-- functions

function databricks_auth.acting_role() returns name plpgsql stable set search_path=pg_catalog, pg_temp [databricks_superuser: EXECUTE, databricks_sync: EXECUTE, public: EXECUTE]
  -- The role that the session acts as, whatever SECURITY DEFINER functions are running. Cannot be forged.
function databricks_auth.admit_roles() returns void plpgsql set search_path=pg_catalog, pg_temp []
  -- The policies that let the guard's roles past row security.
function databricks_auth.adopt_members() returns void plpgsql set search_path=pg_catalog, pg_temp []
  -- Makes all objects of the guard members of the extension databricks_auth; data never is.
function databricks_auth.after_drop(effective name, command text) returns void plpgsql security definer set search_path=pg_catalog, pg_temp [databricks_superuser: EXECUTE, databricks_sync: EXECUTE, public: EXECUTE]
  -- What the guard does after a drop. Open to PUBLIC and harmless: outside an sql_drop event trigger Postgres refuses to say what was dropped.
function databricks_auth.allow_ddl(setting text DEFAULT 'on'::text) returns text plpgsql set search_path=pg_catalog, pg_temp []
  -- Sets databricks_auth.allow_ddl until the transaction ends, for the guard's own work, and returns what it was.
function databricks_auth.altered_tables() returns TABLE(relation oid, object_identity text) plpgsql stable set search_path=pg_catalog, pg_temp []
  -- Synced tables that a command changed, directly or through their partition, schema, triggers, rules or policies.
function databricks_auth.apply_guard() returns trigger plpgsql set search_path=pg_catalog, pg_temp [databricks_sync: EXECUTE]
  -- Refuses rows that a subscription (logical replication) would write into the partition of a synced table.
function databricks_auth.can_manage(relation oid, who name) returns boolean plpgsql stable security definer set search_path=pg_catalog, pg_temp [databricks_superuser: EXECUTE, databricks_sync: EXECUTE, public: EXECUTE]
  -- Whether a role is a manager of the synced table, or a member of one, of databricks_superuser or of databricks_sync.
function databricks_auth.check_altered(effective name, command text) returns void plpgsql security definer set search_path=pg_catalog, pg_temp [databricks_superuser: EXECUTE, databricks_sync: EXECUTE, public: EXECUTE]
  -- Refuses changes of synced tables by superusers and schema owners. Open to PUBLIC and harmless: outside an event trigger Postgres refuses to say what was done.
function databricks_auth.check_appointment(relation regclass, manager text) returns regrole plpgsql stable set search_path=pg_catalog, pg_temp set standard_conforming_strings=on [databricks_superuser: EXECUTE, databricks_sync: EXECUTE, public: EXECUTE]
  -- Refuses callers who may not appoint managers, relations that are not synced tables, and roles that do not exist.
function databricks_auth.check_commands() returns void plpgsql set search_path=pg_catalog, pg_temp []
  -- Checks what a command in a window has done.
function databricks_auth.check_dropped_parts(effective name, command text) returns void plpgsql set search_path=pg_catalog, pg_temp []
  -- Refuses to let a role without the right drop an index, partition or write gate of a synced table.
function databricks_auth.check_dropped_schemas(effective name, command text) returns void plpgsql security definer set search_path=pg_catalog, pg_temp set standard_conforming_strings=on [databricks_superuser: EXECUTE, databricks_sync: EXECUTE, public: EXECUTE]
  -- Refuses to drop schemas of ours while there are synced tables. Open to PUBLIC: it only raises errors.
function databricks_auth.check_dropped_tables(effective name, command text) returns void plpgsql set search_path=pg_catalog, pg_temp []
  -- Refuses to let a role without the right drop a synced table; otherwise removes its registry row, managers and owner role.
function databricks_auth.check_index(index oid, command text) returns void plpgsql set search_path=pg_catalog, pg_temp []
  -- Refuses an index created or altered by a manager that could harm the sync.
function databricks_auth.check_lent_table(lent databricks_auth.open_windows, owner_oid oid) returns void plpgsql set search_path=pg_catalog, pg_temp []
  -- Refuses what code run inside a window may have done: a command on an expression index runs functions.
function databricks_auth.check_references(effective name, command text) returns void plpgsql security definer set search_path=pg_catalog, pg_temp [databricks_superuser: EXECUTE, databricks_sync: EXECUTE, public: EXECUTE]
  -- Refuses foreign keys to synced tables whose check would run other people's code as the owner role. Open to PUBLIC and harmless: outside an event trigger Postgres refuses to say what was done.
function databricks_auth.close_windows() returns void plpgsql set search_path=pg_catalog, pg_temp []
  -- Takes back what was lent, and verifies that nothing else was done with it.
function databricks_auth.current_parts(relation oid) returns TABLE(part oid, kind text) sql stable set search_path=pg_catalog, pg_temp []
  -- The objects of a synced table according to the catalogs.
function databricks_auth.ev_careful() returns event_trigger plpgsql set search_path=pg_catalog, pg_temp set standard_conforming_strings=on []
  -- Event trigger: stops changes of synced tables that Postgres itself would allow.
function databricks_auth.ev_close() returns event_trigger plpgsql security definer set search_path=pg_catalog, pg_temp set standard_conforming_strings=on []
  -- Event trigger: checks what a command did with lent ownership, and takes it back.
function databricks_auth.ev_drop() returns event_trigger plpgsql set search_path=pg_catalog, pg_temp set standard_conforming_strings=on []
  -- Event trigger: keeps roles without the right from dropping synced tables and their parts, and forgets those that are dropped.
function databricks_auth.ev_guard() returns event_trigger plpgsql set search_path=pg_catalog, pg_temp set standard_conforming_strings=on set row_security=on []
  -- Event trigger: refuses DDL of code that runs inside a window.
function databricks_auth.ev_kind() returns event_trigger plpgsql []
  -- Event trigger: refuses in clearer words than "must be owner", and before the work is done, when the target is certain.
function databricks_auth.ev_open() returns event_trigger plpgsql security definer set search_path=pg_catalog, pg_temp []
  -- Event trigger: lends the owner roles of the synced tables that a command may refer to and that the acting role manages.
function databricks_auth.ev_references() returns event_trigger plpgsql set search_path=pg_catalog, pg_temp set standard_conforming_strings=on []
  -- Event trigger: checks foreign keys to synced tables.
function databricks_auth.ev_schemas() returns event_trigger plpgsql set search_path=pg_catalog, pg_temp set standard_conforming_strings=on []
  -- Event trigger: keeps DROP SCHEMA … CASCADE from taking the rows of synced tables.
function databricks_auth.event_trigger_damage(name name, event text, tags text[], function text) returns text sql stable set search_path=pg_catalog, pg_temp [databricks_superuser: EXECUTE, databricks_sync: EXECUTE, public: EXECUTE]
  -- What is wrong with an event trigger of an intact guard; null if nothing is.
function databricks_auth.event_trigger_statements(name name, event text, tags text[], function text) returns text[] sql stable set search_path=pg_catalog, pg_temp [databricks_superuser: EXECUTE, databricks_sync: EXECUTE, public: EXECUTE]
  -- The statements that create or enable one event trigger; none if it is as it should be.
function databricks_auth.foreign_parts_of(index oid, relation oid) returns text sql stable set search_path=pg_catalog, pg_temp []
  -- An object used by an index that no superuser owns; null if there is none. Its code would run as the sidecar at every write.
function databricks_auth.gate(relation regclass) returns void plpgsql set search_path=pg_catalog, pg_temp [databricks_sync: EXECUTE]
  -- Puts the write gate on a table, also for replica mode, and on a partition the gate for logical replication. Safe to repeat.
function databricks_auth.gate_damage(relation oid) returns TABLE(name name, damage text) sql stable set search_path=pg_catalog, pg_temp [databricks_superuser: EXECUTE, databricks_sync: EXECUTE, public: EXECUTE]
  -- Which gates of a synced table, or of its partition, are missing, disabled, or not ours; no row if all are intact.
function databricks_auth.grant_rights() returns void plpgsql set search_path=pg_catalog, pg_temp []
  -- Grants the rights in the schemas of the guard.
function databricks_auth.grant_schema_rights(relation oid) returns void plpgsql set search_path=pg_catalog, pg_temp []
  -- Gives the owner role of a synced table that came to another schema, and those who sync it, the rights that they need there.
function databricks_auth.grant_table_rights(parent regclass, owner_role name) returns void plpgsql set search_path=pg_catalog, pg_temp []
  -- Grants the rights that every synced table has.
function databricks_auth.guard_is_whole() returns boolean sql stable set search_path=pg_catalog, pg_temp []
  -- Whether all event triggers that a window needs are enabled; otherwise none is opened.
function databricks_auth.has_keeper(relation oid) returns boolean plpgsql stable set search_path=pg_catalog, pg_temp []
  -- Whether somebody keeps the name of a table and can be told another one.
function databricks_auth.has_new_name(relation oid) returns boolean plpgsql stable set search_path=pg_catalog, pg_temp []
  -- Whether a table has another name than was told: after a command, that it is a rename, which can do nothing else.
function databricks_auth.hint() returns text sql immutable set search_path=pg_catalog, pg_temp [databricks_superuser: EXECUTE, databricks_sync: EXECUTE, public: EXECUTE]
  -- The part common to all refusals: which commands are permitted, and to whom.
function databricks_auth.hint_after(advice text) returns text sql immutable set search_path=pg_catalog, pg_temp [databricks_superuser: EXECUTE, databricks_sync: EXECUTE, public: EXECUTE]
  -- The hint of a refusal: advice for this one, and the part common to all.
function databricks_auth.innermost_command(stack text) returns text plpgsql stable set search_path=pg_catalog, pg_temp set standard_conforming_strings=on [databricks_superuser: EXECUTE, databricks_sync: EXECUTE, public: EXECUTE]
  -- The text of the command that fired an event trigger, from the trigger's call stack; null if the stack does not show it.
function databricks_auth.install_event_trigger(name name, event text, tags text[], function text) returns text plpgsql set search_path=pg_catalog, pg_temp []
  -- Creates or enables one event trigger; returns what it did, null if nothing.
function databricks_auth.install_event_triggers() returns TABLE(object text, outcome text) sql set search_path=pg_catalog, pg_temp []
  -- Creates and enables the event triggers that are missing, changed or disabled; returns what it did.
function databricks_auth.is_guarded(relation oid) returns boolean plpgsql stable security definer set search_path=pg_catalog, pg_temp [databricks_superuser: EXECUTE, databricks_sync: EXECUTE, public: EXECUTE]
  -- Whether a table was registered here, rather than carried here by an unfinished restore.
function databricks_auth.is_installer(who name) returns boolean plpgsql stable set search_path=pg_catalog, pg_temp [databricks_superuser: EXECUTE, databricks_sync: EXECUTE, public: EXECUTE]
  -- Whether the role may change the guard itself: a superuser, or the role that installed it.
function databricks_auth.is_owner_role_of(owner_role name, synced_table oid) returns boolean sql stable set search_path=pg_catalog, pg_temp []
  -- Whether a role name is one that register() gives to this table in this database.
function databricks_auth.is_rename(command text) returns boolean plpgsql immutable set search_path=pg_catalog, pg_temp set standard_conforming_strings=on []
  -- Whether a command gives a table another name or schema, and does nothing else.
function databricks_auth.is_superuser(who name) returns boolean plpgsql stable set search_path=pg_catalog, pg_temp [databricks_superuser: EXECUTE, databricks_sync: EXECUTE, public: EXECUTE]
  -- Whether the role is a superuser of Postgres.
function databricks_auth.is_sync(who name) returns boolean plpgsql stable set search_path=pg_catalog, pg_temp [databricks_superuser: EXECUTE, databricks_sync: EXECUTE, public: EXECUTE]
  -- Whether the role is the sidecar's: a member of databricks_sync and not a superuser.
function databricks_auth.is_synced_table(relation oid) returns boolean plpgsql stable security definer set search_path=pg_catalog, pg_temp [databricks_superuser: EXECUTE, databricks_sync: EXECUTE, public: EXECUTE]
  -- Whether a relation is a synced table, or was one and was kept after its syncing was stopped.
function databricks_auth.join_sync() returns void plpgsql set search_path=pg_catalog, pg_temp []
  -- Makes the current role, which installs without being a superuser, a member of databricks_sync.
function databricks_auth.lock_schema_rights() returns void plpgsql set search_path=pg_catalog, pg_temp []
  -- Held until the end of the transaction by anything that changes the rights of a schema.
function databricks_auth.make_role(role_name name, about text) returns boolean plpgsql set search_path=pg_catalog, pg_temp []
  -- Creates a group of ours that is missing; false if there is one of that name.
function databricks_auth.make_roles() returns void plpgsql set search_path=pg_catalog, pg_temp []
  -- Creates the roles and the schema __db_system if missing, and grants the rights and policies of the guard. Safe to repeat.
function databricks_auth.missing_indexes(parent regclass, part regclass) returns SETOF text sql stable set search_path=pg_catalog, pg_temp [databricks_sync: EXECUTE]
  -- The statements that build the indexes of a synced table that a table in __db_system lacks. Call it again under the lock, before ATTACH.
function databricks_auth.mode() returns text plpgsql stable set search_path=pg_catalog, pg_temp [databricks_superuser: EXECUTE, databricks_sync: EXECUTE, public: EXECUTE]
  -- How synced tables are guarded: whole, or by ownership alone, where nobody may make event triggers.
function databricks_auth.names_in(command text) returns name[] plpgsql immutable set search_path=pg_catalog, pg_temp set standard_conforming_strings=on []
  -- Every name that a command may refer to. Only a pre-filter: a surplus name lends nothing that the role does not manage, a missing one ends in "must be owner".
function databricks_auth.names_in_calls(names name[]) returns name[] sql stable set search_path=pg_catalog, pg_temp []
  -- The names, plus those in the bodies of SQL functions among them.
function databricks_auth.note_hand_write(relation oid, command text) returns void plpgsql security definer set search_path=pg_catalog, pg_temp [databricks_superuser: EXECUTE, databricks_sync: EXECUTE]
  -- Notes that somebody else than a sidecar writes to a synced table or its partition, so that the next update mends it.
function databricks_auth.note_parts() returns void plpgsql set search_path=pg_catalog, pg_temp []
  -- Updates the list of parts after a command.
function databricks_auth.notice_of_doubt(command text, tag text) returns void plpgsql security definer set search_path=pg_catalog, pg_temp [databricks_superuser: EXECUTE, databricks_sync: EXECUTE, public: EXECUTE]
  -- When the target of a command is uncertain but a synced table of that name exists: the hint, as a notice before Postgres's own error.
function databricks_auth.open_gates(parent oid) returns text sql stable set search_path=pg_catalog, pg_temp []
  -- What is wrong with the write gates of a synced table and its partition, in words; null if nothing is.
function databricks_auth.open_window(relation oid, owner_role name, acting name) returns void plpgsql set search_path=pg_catalog, pg_temp []
  -- Lends the owner role of a synced table to the acting role.
function databricks_auth.override() returns boolean plpgsql stable set search_path=pg_catalog, pg_temp set standard_conforming_strings=on [databricks_superuser: EXECUTE, databricks_sync: EXECUTE, public: EXECUTE]
  -- Whether a superuser, or the installer, bypasses the guard on purpose: SET databricks_auth.allow_ddl = on.
function databricks_auth.owner_role_for(parent oid) returns name plpgsql set search_path=pg_catalog, pg_temp []
  -- The owner role of a table; created if there is none.
function databricks_auth.place() returns text sql stable set search_path=pg_catalog, pg_temp [databricks_superuser: EXECUTE, databricks_sync: EXECUTE, public: EXECUTE]
  -- Identifies this cluster and database. Rows that a dump carried elsewhere do not count until repair().
function databricks_auth.prepare_partition(parent regclass, part regclass) returns void plpgsql set search_path=pg_catalog, pg_temp [databricks_sync: EXECUTE]
  -- Gives a loaded table in __db_system the write gate, owner and rights of the synced table it will be attached to.
function databricks_auth.rebuild_parts(relation oid) returns void sql set search_path=pg_catalog, pg_temp []
  -- Records the objects of a synced table.
function databricks_auth.refuse(sql_state text, message text, advice text DEFAULT NULL::text, detail text DEFAULT ''::text) returns void plpgsql set search_path=pg_catalog, pg_temp [databricks_superuser: EXECUTE, databricks_sync: EXECUTE, public: EXECUTE]
  -- Raises a refusal. All of them begin with databricks_auth: and name the permitted commands.
function databricks_auth.refuse_kindly(relation oid, tag text, command text, effective name) returns void plpgsql security definer set search_path=pg_catalog, pg_temp set standard_conforming_strings=on [databricks_superuser: EXECUTE, databricks_sync: EXECUTE, public: EXECUTE]
  -- Refuses, in clearer words, what Postgres or the check at the end would refuse. Open to PUBLIC: it only raises errors.
function databricks_auth.register(parent regclass) returns name plpgsql security definer set search_path=pg_catalog, pg_temp [databricks_sync: EXECUTE]
  -- Makes a partitioned table with its DEFAULT partition in __db_system a synced table: owner role, rights, write gates, registry. Safe to repeat. Returns the owner role.
function databricks_auth.repair() returns TABLE(object text, outcome text) plpgsql set search_path=pg_catalog, pg_temp []
  -- Repairs roles, owners, write gates, event triggers and managers. For superusers and databricks_installer; safe to repeat. synced_tables.repair() calls it.
function databricks_auth.repair_managers() returns TABLE(object text, outcome text) plpgsql set search_path=pg_catalog, pg_temp []
  -- Binds managers to the roles of this cluster, including renamed ones.
function databricks_auth.repair_table(relation regclass, owner_role name) returns text plpgsql set search_path=pg_catalog, pg_temp set standard_conforming_strings=on []
  -- Repairs the owner role, rights, write gates and list of parts of one synced table; returns what was done.
function databricks_auth.sole_partition(parent regclass) returns regclass sql stable set search_path=pg_catalog, pg_temp [databricks_sync: EXECUTE]
  -- The one DEFAULT partition in __db_system of a synced table; null when the relation has another shape.
function databricks_auth.target_in(command text, tag text) returns text plpgsql immutable set search_path=pg_catalog, pg_temp set standard_conforming_strings=on [databricks_superuser: EXECUTE, databricks_sync: EXECUTE, public: EXECUTE]
  -- The table or index that a command names, as written; null if that is uncertain.
function databricks_auth.tell_new_name(relation oid) returns boolean plpgsql set search_path=pg_catalog, pg_temp []
  -- Tells a new name to who keeps it, who may refuse it; false if it is not new.
function databricks_auth.try_grant(role_name name, grantee name) returns boolean plpgsql set search_path=pg_catalog, pg_temp []
  -- Grants a role of Postgres; false if the current role may not.
function databricks_auth.unregister(dropped oid) returns void plpgsql set search_path=pg_catalog, pg_temp []
  -- After a synced table was dropped: removes its registry row, managers and owner role.
function databricks_auth.wanted_event_triggers() returns TABLE(name name, event text, tags text[], function text, is_needed_by_windows boolean) sql immutable set search_path=pg_catalog, pg_temp [databricks_superuser: EXECUTE, databricks_sync: EXECUTE, public: EXECUTE]
  -- The event triggers of an intact guard; functions without their (), the commands of each in tags (null: all).
function databricks_auth.wanted_gates() returns TABLE(name name, is_for_partition_only boolean, definition text, function text, enabled "char") sql immutable set search_path=pg_catalog, pg_temp [databricks_superuser: EXECUTE, databricks_sync: EXECUTE, public: EXECUTE]
  -- The triggers that close a synced table and its partition to writers: used by installation, repair() and doctor.
function databricks_auth.wanted_memberships() returns TABLE(role_name name, grantee name, what_for text) sql immutable set search_path=pg_catalog, pg_temp [databricks_superuser: EXECUTE, databricks_sync: EXECUTE, public: EXECUTE]
  -- Roles of Postgres that ours should be members of, and what is lost without: from version 16 on, only roles with the ADMIN option on them can grant them.
function databricks_auth.write_guard() returns trigger plpgsql set search_path=pg_catalog, pg_temp [databricks_sync: EXECUTE]
  -- Refuses writes to a synced table by anybody but the sidecar and, with DML on the table itself, databricks_superuser, whose writes are noted.
function public.databricks_create_role(identity_name text, identity_type text) returns void plpgsql set search_path=pg_catalog, pg_temp [databricks_superuser: EXECUTE, databricks_sync: EXECUTE, public: EXECUTE]
  -- Creates a login role for an identity: USER (e-mail address), SERVICE_PRINCIPAL (application id) or GROUP (name). Needs CREATEROLE; the caller may grant the role.
function public.databricks_synced_table_add_manager(synced_table regclass, manager text) returns void plpgsql set search_path=pg_catalog, pg_temp set row_security=on [databricks_superuser: EXECUTE, databricks_sync: EXECUTE, public: EXECUTE]
  -- Lets a role run CREATE INDEX, ALTER INDEX, DROP INDEX and DROP TABLE on a synced table. For members of databricks_superuser.
function public.databricks_synced_table_remove_manager(synced_table regclass, manager text) returns void plpgsql set search_path=pg_catalog, pg_temp set row_security=on [databricks_superuser: EXECUTE, databricks_sync: EXECUTE, public: EXECUTE]
  -- Takes back what databricks_synced_table_add_manager gave. For members of databricks_superuser.
function synced_tables.alter_synced_table(synced_table text, source_table_full_name text DEFAULT NULL::text, primary_key_columns text[] DEFAULT NULL::text[], scheduling_policy text DEFAULT NULL::text, timeseries_key text DEFAULT NULL::text, invalid_characters text DEFAULT NULL::text, allow_file_diff boolean DEFAULT NULL::boolean, on_history_gap text DEFAULT NULL::text, type_overrides jsonb DEFAULT NULL::jsonb, extra_columns jsonb DEFAULT NULL::jsonb, extra_index_definitions jsonb DEFAULT NULL::jsonb, accelerated_sync boolean DEFAULT NULL::boolean, columns text[] DEFAULT NULL::text[], row_filter text DEFAULT NULL::text, trigger_interval_ms integer DEFAULT NULL::integer, reset text[] DEFAULT NULL::text[]) returns uuid plpgsql set search_path=pg_catalog, pg_temp [databricks_superuser: EXECUTE, databricks_sync: EXECUTE]
  -- Changes how a table is synced, in place: parameters as of create_synced_table, null for what stays as it is; reset => array['row_filter'] for what is to be as if it had never been given. Returns the id of the update that makes the change, CALL synced_tables.wait_for_update(id) waits for it. Where rows have to be others they are loaded beside, and readers keep the old ones until all of it is exchanged at once; a change that is refused leaves the table as it was. A table that shares its pipeline gets one of its own for another scheduling policy. For its creator and databricks_superuser; for its managers what does not change what it shows.
function synced_tables.apply_changes(target text, source text, keys text[], sequence_by text DEFAULT NULL::text, ignore_null_updates boolean DEFAULT false, apply_as_deletes text DEFAULT NULL::text, apply_as_truncates text DEFAULT NULL::text, column_list text[] DEFAULT NULL::text[], except_column_list text[] DEFAULT NULL::text[], stored_as_scd_type integer DEFAULT 1, track_history_column_list text[] DEFAULT NULL::text[], track_history_except_column_list text[] DEFAULT NULL::text[], name text DEFAULT NULL::text, once boolean DEFAULT false, ignore_null_updates_column_list text[] DEFAULT NULL::text[], ignore_null_updates_except_column_list text[] DEFAULT NULL::text[], columns_to_update text DEFAULT NULL::text, source_change_feed boolean DEFAULT false, default_schema text DEFAULT "current_schema"()) returns uuid plpgsql set search_path=pg_catalog, pg_temp [databricks_superuser: EXECUTE, databricks_sync: EXECUTE]
  -- Declares a flow from records of changes into a streaming table, as SCD type 1 or 2. source: a table of the lakehouse (catalog.schema.table; with source_change_feed its change feed) or an append-only table of this database. Conditions and sequence_by are expressions of the lakehouse. Returns the pipeline's id; synced_tables.start_update runs it.
function synced_tables.apply_changes_from_snapshot(target text, source text, keys text[], stored_as_scd_type integer DEFAULT 1, track_history_column_list text[] DEFAULT NULL::text[], track_history_except_column_list text[] DEFAULT NULL::text[], once boolean DEFAULT false, name text DEFAULT NULL::text, default_schema text DEFAULT "current_schema"()) returns uuid plpgsql set search_path=pg_catalog, pg_temp [databricks_superuser: EXECUTE, databricks_sync: EXECUTE]
  -- Declares a flow that compares the rows of a table with those of the last update, and keeps the result as SCD type 1 or 2. Returns the pipeline's id.
function synced_tables.cancel_updates(synced_table_or_pipeline text) returns integer plpgsql set search_path=pg_catalog, pg_temp [databricks_superuser: EXECUTE, databricks_sync: EXECUTE]
  -- Cancels the update that runs in a pipeline, given by its id or by one of its tables, and those that wait; returns how many. Nothing of them becomes visible: the tables keep their rows. Later updates run as usual, and a CONTINUOUS pipeline goes on following its sources; pause_pipeline and stop_pipeline keep it from that. For the creators of its tables, their managers and databricks_superuser.
function synced_tables.cancel_verification(verification_id uuid) returns void plpgsql set search_path=pg_catalog, pg_temp [databricks_superuser: EXECUTE, databricks_sync: EXECUTE]
  -- Cancels a verification that waits or runs, for all who asked for it; one that has ended stays as it is. A sidecar at work on it stops within seconds. For the creator of its table, its managers and databricks_superuser.
function synced_tables.create_auto_cdc_flow(target text, source text, keys text[], sequence_by text DEFAULT NULL::text, ignore_null_updates boolean DEFAULT false, apply_as_deletes text DEFAULT NULL::text, apply_as_truncates text DEFAULT NULL::text, column_list text[] DEFAULT NULL::text[], except_column_list text[] DEFAULT NULL::text[], stored_as_scd_type integer DEFAULT 1, track_history_column_list text[] DEFAULT NULL::text[], track_history_except_column_list text[] DEFAULT NULL::text[], name text DEFAULT NULL::text, once boolean DEFAULT false, ignore_null_updates_column_list text[] DEFAULT NULL::text[], ignore_null_updates_except_column_list text[] DEFAULT NULL::text[], columns_to_update text DEFAULT NULL::text, source_change_feed boolean DEFAULT false, default_schema text DEFAULT "current_schema"()) returns uuid sql set search_path=pg_catalog, pg_temp [databricks_superuser: EXECUTE, databricks_sync: EXECUTE]
  -- The newer name of apply_changes.
function synced_tables.create_auto_cdc_from_snapshot_flow(target text, source text, keys text[], stored_as_scd_type integer DEFAULT 1, track_history_column_list text[] DEFAULT NULL::text[], track_history_except_column_list text[] DEFAULT NULL::text[], once boolean DEFAULT false, name text DEFAULT NULL::text, default_schema text DEFAULT "current_schema"()) returns uuid sql set search_path=pg_catalog, pg_temp [databricks_superuser: EXECUTE, databricks_sync: EXECUTE]
  -- The newer name of apply_changes_from_snapshot.
function synced_tables.create_index(synced_table text, definition text, index_name text DEFAULT NULL::text) returns text plpgsql set search_path=pg_catalog, pg_temp [databricks_superuser: EXECUTE, databricks_sync: EXECUTE]
  -- Creates an index of a synced table; definition is what follows the name of the table in CREATE INDEX, for example '(customer_id)'. Returns its name. Works on every server; where CREATE INDEX works, it is the same. For managers of the table.
function synced_tables.create_streaming_live_table(name text, comment text DEFAULT NULL::text, table_properties jsonb DEFAULT '{}'::jsonb, default_schema text DEFAULT "current_schema"(), continuous boolean DEFAULT false) returns uuid sql set search_path=pg_catalog, pg_temp [databricks_superuser: EXECUTE, databricks_sync: EXECUTE]
  -- The older name of create_streaming_table.
function synced_tables.create_streaming_table(name text, comment text DEFAULT NULL::text, table_properties jsonb DEFAULT '{}'::jsonb, default_schema text DEFAULT "current_schema"(), continuous boolean DEFAULT false) returns uuid plpgsql set search_path=pg_catalog, pg_temp [databricks_superuser: EXECUTE, databricks_sync: EXECUTE]
  -- Declares the target of flows: see apply_changes. With continuous, its flows run automatically as soon as their sources have something new; otherwise start_update or sync_now runs them. Returns the id of its pipeline. Needs CREATE on the schema, or on the database if the schema is missing.
function synced_tables.create_synced_table(synced_table text, source_table_full_name text, primary_key_columns text[], scheduling_policy text DEFAULT 'SNAPSHOT'::text, timeseries_key text DEFAULT NULL::text, invalid_characters text DEFAULT 'fail'::text, create_database_objects_if_missing boolean DEFAULT true, existing_pipeline_id uuid DEFAULT NULL::uuid, allow_file_diff boolean DEFAULT false, on_history_gap text DEFAULT 'fail'::text, type_overrides jsonb DEFAULT NULL::jsonb, extra_columns jsonb DEFAULT NULL::jsonb, extra_index_definitions jsonb DEFAULT NULL::jsonb, accelerated_sync boolean DEFAULT false, new_pipeline_spec jsonb DEFAULT NULL::jsonb, publish text DEFAULT NULL::text, columns text[] DEFAULT NULL::text[], row_filter text DEFAULT NULL::text) returns uuid plpgsql set search_path=pg_catalog, pg_temp [databricks_superuser: EXECUTE, databricks_sync: EXECUTE]
  -- Requests a synced table: schema.table from catalog.schema.table of the lakehouse. Returns the id of its first update; CALL synced_tables.wait_for_update(id) waits for it. Needs CREATE on the schema, or on the database if the schema is missing. publish => 'together': updates publish all tables of the pipeline in one transaction. columns => and row_filter =>: which columns and rows of the source the table has; the filter is an expression of the lakehouse's SQL over one row, as in row_filter => $$region = 'EU'$$.
function synced_tables.create_token(role_name name, token_hash bytea, expires_at timestamp with time zone DEFAULT NULL::timestamp with time zone, description text DEFAULT NULL::text) returns uuid plpgsql set search_path=pg_catalog, pg_temp [databricks_superuser: EXECUTE, databricks_sync: EXECUTE]
  -- Registers a bearer token of the HTTP API by its SHA-256: a caller that presents it acts as the role. Needs the right to grant the role. Use synced-tables token create.
function synced_tables.declare_pipeline(name text, declaration jsonb, default_schema text DEFAULT "current_schema"(), runs_in_program boolean DEFAULT false, continuous boolean DEFAULT false) returns uuid plpgsql set search_path=pg_catalog, pg_temp [databricks_superuser: EXECUTE, databricks_sync: EXECUTE]
  -- Replaces the streaming tables, views and flows of a pipeline with those a program declares. A continuous pipeline runs automatically from then on. Returns its id.
function synced_tables.delete_streaming_table(name text, purge boolean DEFAULT false, default_schema text DEFAULT "current_schema"()) returns void plpgsql set search_path=pg_catalog, pg_temp [databricks_superuser: EXECUTE, databricks_sync: EXECUTE]
  -- Removes a streaming table and its flows from their pipeline. The view stays as it is; purge => true drops it too, even in a later call. For the pipeline's creator and databricks_superuser.
function synced_tables.delete_synced_table(synced_table text, purge boolean DEFAULT false) returns void plpgsql set search_path=pg_catalog, pg_temp [databricks_superuser: EXECUTE, databricks_sync: EXECUTE]
  -- Stops syncing a table. The table stays with its rows, as a table of its creator, and create_synced_table takes it over again unless it was altered; purge => true drops it too, even in a later call. A streaming table is deleted as by delete_streaming_table. For its creator and databricks_superuser.
function synced_tables.drop_index(index_name text) returns void plpgsql set search_path=pg_catalog, pg_temp [databricks_superuser: EXECUTE, databricks_sync: EXECUTE]
  -- Drops an index of a synced table, given with its schema. Works on every server; where DROP INDEX works, it is the same. For managers of the table.
function synced_tables.drop_left_roles() returns TABLE(role_name name, outcome text) plpgsql security definer set search_path=pg_catalog, pg_temp [databricks_superuser: EXECUTE, databricks_sync: EXECUTE]
  -- Drops the owner roles that DROP DATABASE has left behind, as sidecars do now and then. For databricks_superuser.
function synced_tables.help(about text DEFAULT NULL::text) returns TABLE(name text, call text, description text) sql stable set search_path=pg_catalog, pg_temp [databricks_superuser: EXECUTE, databricks_sync: EXECUTE]
  -- What the caller may call and read, with what it does; help('schedule') for what all these words stand in. In psql, end with \gx.
function synced_tables.pause_pipeline(synced_table_or_pipeline text) returns boolean plpgsql set search_path=pg_catalog, pg_temp [databricks_superuser: EXECUTE, databricks_sync: EXECUTE]
  -- Keeps a pipeline, given by its id or by one of its tables, from doing anything by itself until resume_pipeline: it stops following its sources, scheduled runs wait. Updates that somebody asks for run, and one that runs goes on to its end. The tables keep their rows. False if it is paused already. For the creators of its tables, their managers and databricks_superuser.
function synced_tables.remove_schedule(synced_table_or_pipeline text) returns boolean plpgsql set search_path=pg_catalog, pg_temp [databricks_superuser: EXECUTE, databricks_sync: EXECUTE]
  -- Removes the schedule of a pipeline; false if it had none.
function synced_tables.rename_synced_table(synced_table text, new_name text) returns void plpgsql set search_path=pg_catalog, pg_temp [databricks_superuser: EXECUTE, databricks_sync: EXECUTE]
  -- Gives a synced table another name, or moves it to another schema: schema.table, or a table name alone. The table stays the same one, with its grants, indexes, views and managers, and its sync goes on; pipelines, schedules, flows that read it and its history go along. ALTER TABLE … RENAME TO and SET SCHEMA do the same for its managers. For its creator, its managers and databricks_superuser; another schema takes CREATE on it.
function synced_tables.repair() returns TABLE(object text, outcome text) plpgsql set search_path=pg_catalog, pg_temp []
  -- Repairs roles, owners, rights, write gates, event triggers, managers, registrations, tokens and streaming tables: after a restore, a role rename, or when in doubt. For superusers and databricks_installer; safe to repeat. Returns what it found.
function synced_tables.resume_pipeline(synced_table_or_pipeline text) returns boolean plpgsql set search_path=pg_catalog, pg_temp [databricks_superuser: EXECUTE, databricks_sync: EXECUTE]
  -- Ends the pause of a pipeline, given by its id or by one of its tables: it follows its sources again from where it was, and a schedule that was due meanwhile runs once. A pipeline that stop_pipeline stopped goes on, too. False if it was neither paused nor stopped. For whom pause_pipeline is.
function synced_tables.revoke_token(token_id uuid) returns void plpgsql set search_path=pg_catalog, pg_temp [databricks_superuser: EXECUTE, databricks_sync: EXECUTE]
  -- Revokes a token. If it was the last one of its role, the API may no longer act for the role.
function synced_tables.set_continuous(streaming_table text, continuous boolean DEFAULT true) returns void plpgsql set search_path=pg_catalog, pg_temp [databricks_superuser: EXECUTE, databricks_sync: EXECUTE]
  -- Makes the pipeline of a streaming table, with all its tables, follow its sources automatically, or, with false, run only on request. For its creator and databricks_superuser.
function synced_tables.set_schedule(synced_table_or_pipeline text, cron text, time_zone text DEFAULT 'UTC'::text) returns void plpgsql set search_path=pg_catalog, pg_temp [databricks_superuser: EXECUTE, databricks_sync: EXECUTE]
  -- Updates a pipeline, given by its id or by one of its synced tables, at the times of a cron expression. Missed runs are made up for once. For creators, managers and databricks_superuser.
function synced_tables.set_trigger_interval(synced_table text, trigger_interval_ms integer) returns void plpgsql set search_path=pg_catalog, pg_temp [databricks_superuser: EXECUTE, databricks_sync: EXECUTE]
  -- How often the pipeline of a CONTINUOUS table looks for new commits or events, in milliseconds; null for the sidecar's default. At 1000 or more it does not look sooner, even if notified of a commit. Takes effect within seconds.
function synced_tables.start_update(pipeline_id uuid, full_refresh boolean DEFAULT false) returns uuid plpgsql set search_path=pg_catalog, pg_temp [databricks_superuser: EXECUTE, databricks_sync: EXECUTE]
  -- Requests an update of a pipeline; full_refresh forgets what was read and starts over. Returns the update's id, for wait_for_update. For its creator and databricks_superuser.
function synced_tables.stop_pipeline(pipeline_id uuid) returns void plpgsql set search_path=pg_catalog, pg_temp [databricks_superuser: EXECUTE, databricks_sync: EXECUTE]
  -- Cancels the running and pending updates of a pipeline, and keeps a CONTINUOUS one from following its sources until sync_now or start_update. The tables keep their rows. For the creators of its tables, their managers and databricks_superuser.
function synced_tables.sync_now(synced_table text, full_refresh boolean DEFAULT false, scope text DEFAULT 'pipeline'::text) returns uuid plpgsql set search_path=pg_catalog, pg_temp [databricks_superuser: EXECUTE, databricks_sync: EXECUTE]
  -- Requests an update of a synced table; full_refresh rebuilds it. With it go all tables of its pipeline, unless scope is 'table'. Returns the update's id; an update that has not started yet is shared. For its creator, its managers and databricks_superuser.
function synced_tables.table_changes(target text, from_version bigint, to_version bigint DEFAULT NULL::bigint) returns TABLE(_change_type text, _commit_version bigint, _commit_timestamp timestamp with time zone, row_data jsonb) plpgsql stable set search_path=pg_catalog, pg_temp [databricks_superuser: EXECUTE, databricks_sync: EXECUTE]
  -- Changes of an Auto CDC target, both versions included: insert, update_preimage, update_postimage, delete. Typed rows: jsonb_populate_record(null::schema.table, row_data). For roles that may read the target.
function synced_tables.uninstall(drop_tables boolean DEFAULT false) returns TABLE(object text, outcome text) plpgsql set search_path=pg_catalog, pg_temp set lock_timeout=10s set client_min_messages=warning [databricks_superuser: EXECUTE, databricks_sync: EXECUTE]
  -- Takes everything of synced tables out of this database. Their rows stay, as plain tables of those who created them; drop_tables => true drops them too. Refused while a sidecar works here. uninstall_plan says before what it will do. For superusers, and the administrator who installed synced tables.
function synced_tables.uninstall_plan(drop_tables boolean DEFAULT false) returns TABLE(object text, plan text) plpgsql stable set search_path=pg_catalog, pg_temp [databricks_superuser: EXECUTE, databricks_sync: EXECUTE]
  -- What synced_tables.uninstall would do with each table, schema and role. For superusers, and the administrator who installed synced tables.
function synced_tables.verify(synced_table text) returns uuid plpgsql set search_path=pg_catalog, pg_temp [databricks_superuser: EXECUTE, databricks_sync: EXECUTE]
  -- Requests a cell-by-cell comparison of a synced table with its source at the version it reflects. Returns an id; CALL synced_tables.wait_for_verification(id) waits for it, synced_tables.verifications shows the result. One that has not begun yet is shared. For its creator, its managers and databricks_superuser.
procedure synced_tables.wait_for_update(IN update_id uuid, IN timeout interval DEFAULT NULL::interval) plpgsql [databricks_superuser: EXECUTE, databricks_sync: EXECUTE]
  -- Returns when the update is done; raises its error if it failed or was canceled, or an error if it takes longer than timeout. CALL synced_tables.wait_for_update(synced_tables.sync_now('gold.t')) works too.
procedure synced_tables.wait_for_verification(IN verification_id uuid, IN timeout interval DEFAULT NULL::interval) plpgsql [databricks_superuser: EXECUTE, databricks_sync: EXECUTE]
  -- Returns when a verification found the table equal to its source; raises TABLES_DIFFER if it is not, or the error if they could not be compared or it was canceled. CALL synced_tables.wait_for_verification(synced_tables.verify('gold.t')) works too.
procedure synced_tables.wait_for_version(IN synced_table text, IN version bigint, IN timeout interval DEFAULT NULL::interval) plpgsql [databricks_superuser: EXECUTE, databricks_sync: EXECUTE]
  -- Returns when a synced table reflects at least that version of its source: read what you wrote to the lakehouse.
function synced_tables_internal._acting_role() returns name plpgsql stable set search_path=pg_catalog, pg_temp [databricks_superuser: EXECUTE, databricks_sync: EXECUTE, public: EXECUTE]
  -- The role on whose behalf a function was called: the effective role, including that of a served call. Other people's code gains nothing by running in a more privileged session.
function synced_tables_internal._admit_leaver() returns name plpgsql stable set search_path=pg_catalog, pg_temp [databricks_superuser: EXECUTE, databricks_sync: EXECUTE]
  -- The role that uninstalls: the current one, or the administrator that acts as databricks_installer at the moment. Refuses others.
function synced_tables_internal._admit_sidecar(relation regclass) returns void plpgsql set search_path=pg_catalog, pg_temp []
  -- Row security on a table of the registry, and the policy that lets the sidecar in.
function synced_tables_internal._adopt_names() returns integer plpgsql security definer set search_path=pg_catalog, pg_temp [databricks_sync: EXECUTE]
  -- Takes over the names of synced tables that were renamed while nobody told the registry. Returns how many.
function synced_tables_internal._announce_notice() returns trigger plpgsql security definer set search_path=pg_catalog, pg_temp []
  -- Tells listeners of synced_table_notices that there is a notice.
function synced_tables_internal._apply_change(update_id uuid) returns void plpgsql security definer set search_path=pg_catalog, pg_temp [databricks_sync: EXECUTE]
  -- Writes what an update of mode CHANGE changes, in the transaction that makes the rows visible.
function synced_tables_internal._apply_flow(target text, source text, is_change_feed boolean, flow_name text, flow_kind text, flow_options jsonb, default_schema text) returns uuid plpgsql set search_path=pg_catalog, pg_temp []
  -- Declares a flow into a streaming table.
function synced_tables_internal._apply_grant(kind text, identity text, audience text) returns void plpgsql set search_path=pg_catalog, pg_temp []
  -- Grants an object to its audience; managers and creators get theirs from _grant_manager.
function synced_tables_internal._audit_act(role_name name, action text, object text, details jsonb DEFAULT '{}'::jsonb) returns void sql set search_path=pg_catalog, pg_temp []
  -- Notes that a role did something.
function synced_tables_internal._await_update(update_id uuid, waited interval, OUT is_over boolean, OUT sql_state text, OUT error_code text, OUT message text, OUT remedy text) returns record plpgsql stable set search_path=pg_catalog, pg_temp [databricks_superuser: EXECUTE, databricks_sync: EXECUTE, public: EXECUTE]
  -- Whether there is nothing more to wait for, and the error to raise if so. waited: null, or how long in vain once that is enough.
function synced_tables_internal._await_verification(verification_id uuid, waited interval, OUT is_over boolean, OUT sql_state text, OUT error_code text, OUT message text, OUT remedy text) returns record plpgsql stable set search_path=pg_catalog, pg_temp [databricks_superuser: EXECUTE, databricks_sync: EXECUTE, public: EXECUTE]
  -- As _await_update, for a verification.
function synced_tables_internal._await_version(synced_table text, version bigint, waited interval, OUT is_over boolean, OUT sql_state text, OUT error_code text, OUT message text, OUT remedy text) returns record plpgsql stable set search_path=pg_catalog, pg_temp [databricks_superuser: EXECUTE, databricks_sync: EXECUTE, public: EXECUTE]
  -- As _await_update, for a version of a synced table.
function synced_tables_internal._begin_change(update_id uuid) returns text plpgsql security definer set search_path=pg_catalog, pg_temp [databricks_sync: EXECUTE]
  -- What an update of mode CHANGE has to do: copy the table, look whether its source can be followed, or only write settings; null if the table is gone. Refuses what no longer fits.
function synced_tables_internal._call_signature(role_name name, call_secret bytea) returns bytea sql stable set search_path=pg_catalog, pg_temp [databricks_superuser: EXECUTE, databricks_sync: EXECUTE, public: EXECUTE]
  -- Proves, in this session and transaction, that a role made the call.
function synced_tables_internal._called_arguments(routine text, arguments text[]) returns jsonb sql stable set search_path=pg_catalog, pg_temp []
  -- The arguments of a call by name, without secrets.
function synced_tables_internal._called_object(given jsonb) returns text sql stable set search_path=pg_catalog, pg_temp []
  -- What a call is about: a table, the tables of a pipeline, or the role of a token.
function synced_tables_internal._calling_body(routine oid) returns text plpgsql stable set search_path=pg_catalog, pg_temp []
  -- The body of a function that runs as its caller and has its call served by its namesake in synced_tables_served.
function synced_tables_internal._cancel_updates(pipeline uuid, error_code text, reason text, followers_only boolean DEFAULT false) returns void sql set search_path=pg_catalog, pg_temp [databricks_sync: EXECUTE]
  -- Cancels the pending and running updates of a pipeline, or only the one that follows its sources.
function synced_tables_internal._cdc_parts(target synced_tables._cdc_targets) returns TABLE(kind text, part regclass) plpgsql stable set search_path=pg_catalog, pg_temp []
  -- The view that people read of a streaming table, then the tables behind it; refuses what is not the sidecar's.
function synced_tables_internal._change_from(before synced_tables._tables, change jsonb) returns jsonb sql stable set search_path=pg_catalog, pg_temp []
  -- The part of a change that differs from what a table is now.
function synced_tables_internal._change_in_words(change jsonb) returns text sql immutable set search_path=pg_catalog, pg_temp []
  -- The names of the settings that a change is about; never their values.
function synced_tables_internal._change_job(job_id bigint, pipeline_id uuid, settings jsonb, cron text, time_zone text) returns void plpgsql set search_path=pg_catalog, pg_temp [databricks_superuser: EXECUTE, databricks_sync: EXECUTE]
  -- Gives a job other settings, and its pipeline another schedule.
function synced_tables_internal._change_pipeline(member synced_tables._tables, change jsonb) returns void plpgsql set search_path=pg_catalog, pg_temp []
  -- The part of a change that is about the pipeline; a table that shares it with others gets one of its own for another policy.
function synced_tables_internal._check_change(before synced_tables._tables, change jsonb) returns synced_tables._tables plpgsql set search_path=pg_catalog, pg_temp []
  -- What a synced table is to become; refuses what create_synced_table would refuse. What only the source can tell, the sidecar finds out.
function synced_tables_internal._check_choice(synced_table text, source_table_full_name text, primary_key_columns text[], columns text[], row_filter text) returns void plpgsql set search_path=pg_catalog, pg_temp set standard_conforming_strings=on []
  -- Refuses a choice of columns and rows that fits no source.
function synced_tables_internal._check_columns_to_update(flow text, source jsonb, options jsonb) returns void plpgsql stable set search_path=pg_catalog, pg_temp set standard_conforming_strings=on []
  -- Refuses a column that cannot list the columns an event writes. For a lakehouse table this is checked later.
function synced_tables_internal._check_flow(flow text, kind text, options jsonb) returns void plpgsql immutable set search_path=pg_catalog, pg_temp []
  -- Refuses invalid options of a flow, whatever its source is.
function synced_tables_internal._check_flow_names(flow text, option text, names jsonb) returns void plpgsql immutable set search_path=pg_catalog, pg_temp set standard_conforming_strings=on []
  -- Refuses anything but plain names in a list of columns.
function synced_tables_internal._check_keys(synced_table text, primary_key_columns text[], timeseries_key text) returns void plpgsql set search_path=pg_catalog, pg_temp []
  -- Refuses invalid key columns.
function synced_tables_internal._check_list(full_name text, argument text, entries jsonb, required text[]) returns void plpgsql set search_path=pg_catalog, pg_temp []
  -- Refuses a list of options whose entries lack a field.
function synced_tables_internal._check_new_name(renamed synced_tables._tables, schema_name text, table_name text) returns void plpgsql stable set search_path=pg_catalog, pg_temp []
  -- Refuses a new name that a synced table cannot have here; what else has it, Postgres refuses itself.
function synced_tables_internal._check_source(source_table_full_name text) returns text plpgsql set search_path=pg_catalog, pg_temp set standard_conforming_strings=on []
  -- The name of a source; refuses one of the wrong form, and the 21st synced table of one source.
function synced_tables_internal._check_target(schema_name text, table_name text, create_schema boolean, is_streaming boolean) returns void plpgsql set search_path=pg_catalog, pg_temp []
  -- Refuses a target that is taken, reserved, or not allowed for the acting role.
function synced_tables_internal._check_target_options(full_name text, type_overrides jsonb, extra_columns jsonb, extra_index_definitions jsonb) returns void plpgsql set search_path=pg_catalog, pg_temp []
  -- Refuses invalid options of the target.
function synced_tables_internal._check_trigger_interval(full_name text, trigger_interval_ms integer) returns void plpgsql set search_path=pg_catalog, pg_temp []
  -- Refuses a trigger interval that is out of range; null is none.
function synced_tables_internal._check_ways(synced_table text, invalid_characters text, on_history_gap text) returns void plpgsql set search_path=pg_catalog, pg_temp []
  -- Refuses unknown ways to handle invalid characters and lost history.
function synced_tables_internal._choose_pipeline(full_name text, policy text, existing_pipeline_id uuid) returns uuid plpgsql set search_path=pg_catalog, pg_temp []
  -- The pipeline of a new synced table: a new one, or the named one when it fits.
function synced_tables_internal._choose_publish(full_name text, pipeline uuid, wanted text, is_new boolean) returns void plpgsql set search_path=pg_catalog, pg_temp []
  -- How a new pipeline publishes; refuses a table that requests another way than its pipeline's.
function synced_tables_internal._claim_notice(kinds text[], claim_seconds double precision, days_max double precision) returns SETOF synced_tables._notices sql set search_path=pg_catalog, pg_temp [databricks_sync: EXECUTE]
  -- The oldest notice of those kinds that waits for the webhook, for one sidecar and for so many seconds; no row if none is due.
function synced_tables_internal._collapse_table(relation regclass, part regclass) returns text plpgsql set search_path=pg_catalog, pg_temp []
  -- Makes the partition of a released table the table itself; returns why that is not possible, in which case nothing has changed, else null.
function synced_tables_internal._comment_statements(relation regclass, target text) returns text[] sql stable set search_path=pg_catalog, pg_temp []
  -- Statements that put the comments of a relation and its columns on another.
function synced_tables_internal._commit_refusal() returns text plpgsql set search_path=pg_catalog, pg_temp [databricks_superuser: EXECUTE, databricks_sync: EXECUTE, public: EXECUTE]
  -- What Postgres answers, in the server's language, to COMMIT where it is not allowed, such as in a function.
function synced_tables_internal._create_index(synced_table text, definition text, index_name text) returns text plpgsql set search_path=pg_catalog, pg_temp [databricks_superuser: EXECUTE, databricks_sync: EXECUTE]
  -- Serves create_index.
function synced_tables_internal._create_job(pipeline_id uuid, settings jsonb, cron text, time_zone text) returns bigint plpgsql set search_path=pg_catalog, pg_temp [databricks_superuser: EXECUTE, databricks_sync: EXECUTE]
  -- Creates a job for a pipeline; without cron it runs only when it is asked to.
function synced_tables_internal._create_pipeline(name text, policy text, declaration jsonb, default_schema text, spec jsonb) returns uuid plpgsql set search_path=pg_catalog, pg_temp [databricks_superuser: EXECUTE, databricks_sync: EXECUTE]
  -- Like declare_pipeline, but only for a new name, and keeps what the HTTP API was given.
function synced_tables_internal._create_token(role_name name, token_hash bytea, expires_at timestamp with time zone, description text) returns uuid plpgsql set search_path=pg_catalog, pg_temp [databricks_superuser: EXECUTE, databricks_sync: EXECUTE]
  -- Serves create_token.
function synced_tables_internal._credential_refusal(role_name name) returns text sql stable set search_path=pg_catalog, pg_temp []
  -- Why a role cannot have a credential; null if it can.
function synced_tables_internal._cron_problem(cron text) returns text plpgsql immutable set search_path=pg_catalog, pg_temp set standard_conforming_strings=on [databricks_sync: EXECUTE]
  -- What is wrong with a cron expression; null if nothing is.
function synced_tables_internal._current_credential(role_name name) returns TABLE(issued_at timestamp with time zone, expires_at timestamp with time zone) plpgsql security definer set search_path=pg_catalog, pg_temp [databricks_sync: EXECUTE]
  -- The credential that is currently a role's password; no row if there is none. Locks the role's credential until the transaction ends.
function synced_tables_internal._declaration_hash(streaming synced_tables._streaming_tables) returns text sql stable set search_path=pg_catalog, pg_temp []
  -- The value that declaration_hash should have now.
function synced_tables_internal._declare_flow(flow_table uuid, flow text, flow_kind text, flow_source jsonb, flow_options jsonb) returns void plpgsql set search_path=pg_catalog, pg_temp []
  -- Registers a flow, or replaces its declaration: what it has already read is not read again.
function synced_tables_internal._declare_into(pipeline uuid, declaration jsonb, default_schema text) returns void plpgsql set search_path=pg_catalog, pg_temp []
  -- Replaces the tables, views and flows of a pipeline. Tables that are no longer declared stay, without flows.
function synced_tables_internal._declare_streaming_table(parts text[], declared jsonb, pipeline uuid) returns uuid plpgsql set search_path=pg_catalog, pg_temp []
  -- Registers a streaming table, or replaces its declaration.
function synced_tables_internal._declared_name(name jsonb, default_schema text) returns text[] plpgsql immutable set search_path=pg_catalog, pg_temp []
  -- Schema and table of a name in a pipeline file; such names are folded to lower case.
function synced_tables_internal._declared_source(flow text, source jsonb, pipeline uuid, default_schema text) returns jsonb plpgsql stable set search_path=pg_catalog, pg_temp []
  -- The source of a flow, with the schema filled in for a table of this database.
function synced_tables_internal._delete_flows(pipeline_id uuid, purge boolean) returns void plpgsql set search_path=pg_catalog, pg_temp [databricks_superuser: EXECUTE, databricks_sync: EXECUTE]
  -- Removes a pipeline of flows from the registry; with purge also drops the views that people read.
function synced_tables_internal._delete_job(job_id bigint) returns void plpgsql set search_path=pg_catalog, pg_temp [databricks_superuser: EXECUTE, databricks_sync: EXECUTE]
  -- Removes a job and the schedule of its pipeline.
function synced_tables_internal._delete_streaming_table(parts text[], purge boolean) returns void plpgsql set search_path=pg_catalog, pg_temp []
  -- Removes a streaming table from its pipeline; with purge, drops it.
function synced_tables_internal._dependents_of(relation regclass) returns TABLE(kind text, name text, definition text, size_bytes bigint, depth integer) sql stable set search_path=pg_catalog, pg_temp [databricks_superuser: EXECUTE, databricks_sync: EXECUTE, public: EXECUTE]
  -- What DROP without CASCADE refuses a table for: views, foreign keys, functions and others, directly (depth 1) or through views.
function synced_tables_internal._display_name(schema_name text, table_name text) returns text sql immutable set search_path=pg_catalog, pg_temp [databricks_superuser: EXECUTE, databricks_sync: EXECUTE, public: EXECUTE]
  -- How messages and views name a synced table: quoted only if capitals or a leading digit require it.
function synced_tables_internal._door() returns text sql stable set search_path=pg_catalog, pg_temp []
  -- How the session came here: HTTP, CLI or SQL.
function synced_tables_internal._drop_cdc_target(full_name text, target synced_tables._cdc_targets) returns void plpgsql set search_path=pg_catalog, pg_temp []
  -- Drops the view that people read of a streaming table, and the state behind it.
function synced_tables_internal._drop_former(full_name text, former databricks_auth.synced_tables) returns void plpgsql set search_path=pg_catalog, pg_temp []
  -- Drops a former synced table, for a role that may.
function synced_tables_internal._drop_held(full_name text, kind text, relation regclass) returns void plpgsql set search_path=pg_catalog, pg_temp []
  -- Drops a table that is held, or a view; refuses if something depends on it.
function synced_tables_internal._drop_index(index_name text) returns void plpgsql set search_path=pg_catalog, pg_temp [databricks_superuser: EXECUTE, databricks_sync: EXECUTE]
  -- Serves drop_index.
function synced_tables_internal._drop_owner_role(owner_role name) returns text plpgsql set search_path=pg_catalog, pg_temp []
  -- Drops the owner role of a table that is no longer ours; returns why it could not, null if it is gone.
function synced_tables_internal._drop_relation(full_name text, relation regclass) returns void plpgsql set search_path=pg_catalog, pg_temp []
  -- Drops a synced table, its owner role and its registration.
function synced_tables_internal._drop_target_parts(target synced_tables._cdc_targets) returns void plpgsql set search_path=pg_catalog, pg_temp []
  -- Drops the view of a streaming table and the private tables behind it.
function synced_tables_internal._dropped_message(synced_table text) returns text sql immutable set search_path=pg_catalog, pg_temp [databricks_superuser: EXECUTE, databricks_sync: EXECUTE, public: EXECUTE]
  -- What the status of a table that was dropped by hand says.
function synced_tables_internal._edit_pipeline(pipeline_id uuid, name text, policy text, declaration jsonb, default_schema text, spec jsonb) returns void plpgsql set search_path=pg_catalog, pg_temp [databricks_superuser: EXECUTE, databricks_sync: EXECUTE]
  -- Replaces the statements, name and policy of a pipeline of flows. What its flows have read is not read again.
function synced_tables_internal._ev_streaming_ddl() returns event_trigger plpgsql security definer set search_path=pg_catalog, pg_temp set standard_conforming_strings=on []
  -- Event trigger: keeps parts of streaming tables from being altered by anybody but the sidecar.
function synced_tables_internal._ev_streaming_drop() returns event_trigger plpgsql security definer set search_path=pg_catalog, pg_temp []
  -- Event trigger: keeps parts of streaming tables from being dropped by hand; if a superuser insists, removes the whole table.
function synced_tables_internal._extension_type(extension name, type_name name) returns text sql stable set search_path=pg_catalog, pg_temp [databricks_sync: EXECUTE]
  -- The qualified name of a type that an extension provides; null if it is not installed.
function synced_tables_internal._find_leftover(synced_table text) returns databricks_auth.synced_tables plpgsql stable set search_path=pg_catalog, pg_temp []
  -- The ownership row of a table by name, whether still synced or not.
function synced_tables_internal._find_pipeline(target text, action text) returns synced_tables._pipelines plpgsql stable set search_path=pg_catalog, pg_temp []
  -- The pipeline with that id, or of the synced table of that name, for roles that may control it.
function synced_tables_internal._find_streaming_table(parts text[]) returns synced_tables._streaming_tables plpgsql stable set search_path=pg_catalog, pg_temp []
  -- The registry row of a streaming table; its columns are null if there is none.
function synced_tables_internal._find_table(synced_table text) returns synced_tables._tables plpgsql stable set search_path=pg_catalog, pg_temp []
  -- The registry row of a synced table; its columns are null if there is none.
function synced_tables_internal._find_table_to_change(synced_table text, action text) returns synced_tables._tables plpgsql stable set search_path=pg_catalog, pg_temp []
  -- The registry row of a synced table that the acting role may control, and that is not a streaming table, nor dropped.
function synced_tables_internal._finish_update(update_id uuid, pipeline uuid, holder uuid, epoch bigint, state text, error_code text, message text, remedy text, sql_state text) returns boolean plpgsql set search_path=pg_catalog, pg_temp [databricks_sync: EXECUTE]
  -- Ends a claimed update and gives its lease back in one step, so that a sidecar woken by it can continue at once.
function synced_tables_internal._foreign_names_in(fragment text) returns text plpgsql stable security definer set search_path=pg_catalog, pg_temp set standard_conforming_strings=on [databricks_sync: EXECUTE]
  -- Names in an expression or a definition that the sidecar must not run: objects that no superuser owns, and functions that do more than compute a value. Null if none.
function synced_tables_internal._foreign_parts_of_columns(relation regclass) returns text sql stable set search_path=pg_catalog, pg_temp [databricks_sync: EXECUTE]
  -- What the columns of a table that is about to be loaded use that no superuser owns; null if nothing. The code would run as the sidecar at every write.
function synced_tables_internal._foreign_parts_of_index(relation regclass, index_name name) returns text sql stable security definer set search_path=pg_catalog, pg_temp [databricks_sync: EXECUTE]
  -- The same for an index.
function synced_tables_internal._forget_dropped(table_id uuid) returns boolean plpgsql security definer set search_path=pg_catalog, pg_temp [databricks_sync: EXECUTE]
  -- After a synced table was dropped by hand: removes its ownership and marks it offline. True the first time.
function synced_tables_internal._forget_failing_keys() returns trigger plpgsql security definer set search_path=pg_catalog, pg_temp []
  -- Discards the keys of rows that updates of a table failed on, once the table is deleted.
function synced_tables_internal._forget_hand_writes(table_id uuid) returns void sql set search_path=pg_catalog, pg_temp [databricks_sync: EXECUTE]
  -- Forgets writes by hand that are committed. To be called before the rows are replaced by a statement, or once nobody else can write.
function synced_tables_internal._forget_name_lock() returns trigger plpgsql security definer set search_path=pg_catalog, pg_temp []
  -- The lock of a name is removed along with the table.
function synced_tables_internal._forget_pipeline_lock() returns trigger plpgsql security definer set search_path=pg_catalog, pg_temp []
  -- A pipeline's lock is removed along with it.
function synced_tables_internal._forget_samples() returns trigger plpgsql security definer set search_path=pg_catalog, pg_temp []
  -- Samples go with their table.
function synced_tables_internal._forget_verifications() returns trigger plpgsql security definer set search_path=pg_catalog, pg_temp []
  -- Ends comparisons of a table that is being deleted, and discards the values that earlier comparisons kept.
function synced_tables_internal._former_shape(relation regclass) returns text sql stable set search_path=pg_catalog, pg_temp []
  -- Columns, constraints, triggers and so on of a former synced table and its partition, to be compared.
function synced_tables_internal._former_table(schema_name text, table_name text) returns databricks_auth.synced_tables plpgsql stable security definer set search_path=pg_catalog, pg_temp [databricks_sync: EXECUTE]
  -- The former synced table of that name, and whose it is; without an owner role if it belongs to people by now. Its columns are null if there is none.
function synced_tables_internal._free_name(schema_name name, wanted text) returns name plpgsql stable set search_path=pg_catalog, pg_temp []
  -- A name like this one that no relation and no type of the schema has.
function synced_tables_internal._give_back_rights(role_name name) returns TABLE(object text, outcome text) plpgsql set search_path=pg_catalog, pg_temp []
  -- Takes from one of our roles what it may do with what is not ours; what it has passed on to people, they keep. Returns what only others can do.
function synced_tables_internal._give_relation(relation regclass, kind text, new_owner name, grants text[]) returns void plpgsql set search_path=pg_catalog, pg_temp []
  -- Gives a table or view to a role, with these grants and no others.
function synced_tables_internal._give_to_sidecar(relation regclass) returns boolean plpgsql set search_path=pg_catalog, pg_temp []
  -- Makes databricks_sync the owner of what a restore left to a superuser; false if it is the owner already.
function synced_tables_internal._grant_as_creator(role_name name) returns void plpgsql set search_path=pg_catalog, pg_temp []
  -- Gives the creator of a table what its managers have. Called by what loads a table first: never by its creation, whose transaction may stay open and would hold up others.
function synced_tables_internal._grant_creator(relation regclass, created_by name) returns boolean plpgsql security definer set search_path=pg_catalog, pg_temp [databricks_sync: EXECUTE]
  -- Grants SELECT on a synced table, with grant option, to its creator, and what its managers may call. False if there is no such role.
function synced_tables_internal._grant_manager(manager name) returns void plpgsql set search_path=pg_catalog, pg_temp []
  -- Lets a manager or creator call the functions for managers. Each call checks which tables it may be used on.
function synced_tables_internal._grants_on(relation regclass) returns TABLE(grantee name, definition text, granted_by name) sql stable set search_path=pg_catalog, pg_temp [databricks_superuser: EXECUTE, databricks_sync: EXECUTE, public: EXECUTE]
  -- The rights on a table that others than its owner and the sidecar hold, as the statements that give them.
function synced_tables_internal._grants_to_people(kind text, acl aclitem[], owner oid, target text, column_name name DEFAULT NULL::name, only_by_ours boolean DEFAULT false) returns SETOF text sql stable set search_path=pg_catalog, pg_temp []
  -- Statements that grant what an access list gives to others than the owner and our roles; if so wanted, only what our roles have passed on.
function synced_tables_internal._guard_streaming_tables() returns TABLE(object text, outcome text) sql set search_path=pg_catalog, pg_temp []
  -- Creates and enables the event triggers that keep parts of streaming tables from being dropped or altered; returns what it did.
function synced_tables_internal._has_creators_grants(role_name name) returns boolean sql stable set search_path=pg_catalog, pg_temp []
  -- Whether a role has what _grant_as_creator gave, and nothing by which it needs it.
function synced_tables_internal._has_grants_of_manager(role_name name) returns boolean sql stable set search_path=pg_catalog, pg_temp []
  -- Whether a role has itself what _grant_manager gives, whatever it is a member of.
function synced_tables_internal._has_new_name(relation oid) returns boolean sql stable set search_path=pg_catalog, pg_temp []
  -- Whether a synced table has another name in Postgres than here.
function synced_tables_internal._has_own_password(role_name name) returns boolean plpgsql stable set search_path=pg_catalog, pg_temp []
  -- Whether a role has, or without a superuser may have, a password that is not a credential of ours.
function synced_tables_internal._has_role(who name, role name) returns boolean sql stable set search_path=pg_catalog, pg_temp [databricks_superuser: EXECUTE, databricks_sync: EXECUTE, public: EXECUTE]
  -- Whether who has the rights of role (superusers have all); false if either does not exist.
function synced_tables_internal._hold_cdc_target(full_name text, target synced_tables._cdc_targets) returns void sql set search_path=pg_catalog, pg_temp []
  -- Locks a streaming table that is about to be dropped, before anything of its pipeline is locked.
function synced_tables_internal._hold_lock(name text) returns void plpgsql set search_path=pg_catalog, pg_temp [databricks_sync: EXECUTE]
  -- Waits until no other transaction holds the lock of that name, then holds it until this one ends.
function synced_tables_internal._hold_schema(schema_name text) returns void plpgsql set search_path=pg_catalog, pg_temp []
  -- Keeps a schema from being renamed until the transaction ends, where that is possible.
function synced_tables_internal._hold_source(schema_name text, table_name text, role_name name, OUT code text, OUT reason text) returns record plpgsql security definer set search_path=pg_catalog, pg_temp [databricks_sync: EXECUTE]
  -- For the sidecar, in the transaction in which it reads a table of this database for a role: why it must not, as a code and in words; nulls if it may. The transaction must be READ COMMITTED, or it sees the state before the locks.
function synced_tables_internal._hold_target(target_id uuid) returns void plpgsql security definer set search_path=pg_catalog, pg_temp [databricks_sync: EXECUTE]
  -- Keeps a streaming table and the state behind it unchanged until the transaction ends; refuses if they are no longer the sidecar's.
function synced_tables_internal._hold_to_drop(full_name text, relation regclass) returns void plpgsql set search_path=pg_catalog, pg_temp set lock_timeout=5s []
  -- Locks a table that is about to be dropped. Before anything of its pipeline is locked, as sidecars do: they hold the tables of an update, and prove their lease last.
function synced_tables_internal._identify_rows() returns void plpgsql set search_path=pg_catalog, pg_temp []
  -- Gives a replica identity to those of our tables that have none.
function synced_tables_internal._install() returns void plpgsql set search_path=pg_catalog, pg_temp []
  -- The last step of migrating: roles, event triggers, and rights. Safe to repeat.
function synced_tables_internal._is_alone(member synced_tables._tables) returns boolean sql stable set search_path=pg_catalog, pg_temp []
  -- Whether a synced table is the only one of its pipeline.
function synced_tables_internal._is_as_released(former synced_tables._released_tables) returns boolean sql stable set search_path=pg_catalog, pg_temp []
  -- Whether a former synced table is what it was when it was given away.
function synced_tables_internal._is_calm_function(schema_name name, function_name name) returns boolean sql stable set search_path=pg_catalog, pg_temp []
  -- Whether functions of that name only compute values; true if there are none.
function synced_tables_internal._is_failed_state(state text) returns boolean sql immutable set search_path=pg_catalog, pg_temp []
  -- Whether a table in that state needs somebody.
function synced_tables_internal._is_foreign_name(schema_name name, object_name name) returns boolean sql stable set search_path=pg_catalog, pg_temp []
  -- Whether a qualified name refers to nothing, to an object of ours, or to one that no superuser owns.
function synced_tables_internal._is_in_our_schema(class oid, object oid) returns boolean sql stable set search_path=pg_catalog, pg_temp []
  -- Whether an object is one of ours, which goes with its schema.
function synced_tables_internal._is_our_role(role_oid oid) returns boolean sql stable set search_path=pg_catalog, pg_temp set standard_conforming_strings=on []
  -- Whether a role is one that synced tables of this database have made.
function synced_tables_internal._is_ours(relation regclass) returns boolean sql stable set search_path=pg_catalog, pg_temp []
  -- Whether a relation is a synced table by the catalogs too. The registry alone is not trusted by what runs with the rights of the installer.
function synced_tables_internal._is_own_credential(role_name name, verifier_hash bytea, expires_at timestamp with time zone) returns boolean plpgsql stable set search_path=pg_catalog, pg_temp []
  -- Whether a credential is the password of its role at the moment.
function synced_tables_internal._is_registered(relation oid) returns boolean sql stable set search_path=pg_catalog, pg_temp []
  -- Whether a table is one that is synced, so that its name is kept here.
function synced_tables_internal._is_reserved_schema(schema_name text) returns boolean sql immutable set search_path=pg_catalog, pg_temp set standard_conforming_strings=on []
  -- Whether synced tables are forbidden in the schema.
function synced_tables_internal._is_sql_fragment(fragment text) returns boolean plpgsql immutable set search_path=pg_catalog, pg_temp set standard_conforming_strings=on []
  -- Whether a text can be placed inside a statement without ending it or closing a bracket around it: no semicolon, comment, dollar quote or escape string; quotes and brackets balanced.
function synced_tables_internal._is_type(type_name text) returns boolean plpgsql stable set search_path=pg_catalog, pg_temp []
  -- Whether a text names a type.
function synced_tables_internal._join_role(role_name name, member name) returns text plpgsql set search_path=pg_catalog, pg_temp [databricks_superuser: EXECUTE, databricks_sync: EXECUTE]
  -- Lets a role act as another, if the current role can do that; returns the statement that takes it back, null if nothing was done.
function synced_tables_internal._json_order(value jsonb) returns text plpgsql immutable strict set search_path=pg_catalog, pg_temp [databricks_sync: EXECUTE]
  -- A text that sorts by code point as JSON values do, element by element: null, false, true, numbers, strings, arrays, objects.
function synced_tables_internal._keep_former_name(gone synced_tables._tables) returns void plpgsql set search_path=pg_catalog, pg_temp []
  -- Keeps the three-part name of a synced table that is about to be deleted without its data.
function synced_tables_internal._kept_with(relation regclass, part regclass, target text) returns text[] sql stable set search_path=pg_catalog, pg_temp []
  -- Statements that give the partition of a table, once it has the name of that, what hangs on the table besides views and grants.
function synced_tables_internal._lag_seconds(member synced_tables._tables) returns double precision sql stable set search_path=pg_catalog, pg_temp [databricks_sync: EXECUTE]
  -- As the view status has it.
function synced_tables_internal._left_roles() returns SETOF name sql stable set search_path=pg_catalog, pg_temp set standard_conforming_strings=on [databricks_sync: EXECUTE]
  -- Owner roles of synced tables of databases that are gone, which nothing needs any more.
function synced_tables_internal._lend_relation(relation regclass) returns void plpgsql set search_path=pg_catalog, pg_temp []
  -- Lets the sidecar read a table of this database; refuses where that cannot be granted.
function synced_tables_internal._lend_schema(schema_name text) returns void plpgsql set search_path=pg_catalog, pg_temp []
  -- Lets databricks_sync make tables in a schema; refuses where that cannot be granted.
function synced_tables_internal._lend_source(flow text, source jsonb) returns void plpgsql set search_path=pg_catalog, pg_temp []
  -- Lets the sidecar read a table of this database that the caller may read.
function synced_tables_internal._lend_to_gateway(role_name name) returns void plpgsql set search_path=pg_catalog, pg_temp []
  -- Lets the HTTP API act for a role; refuses where that cannot be granted.
function synced_tables_internal._lock_for_pause(synced_table_or_pipeline text, action text) returns synced_tables._pipelines plpgsql set search_path=pg_catalog, pg_temp []
  -- The pipeline with that id, or of the table of that name, for roles that may control all its tables; nobody else changes or claims it until the transaction ends.
function synced_tables_internal._lock_pipeline(pipeline_id uuid) returns void plpgsql set search_path=pg_catalog, pg_temp [databricks_sync: EXECUTE]
  -- Held until the end of the transaction by anything that adds or removes tables or requests of a pipeline.
function synced_tables_internal._make_continuous(pipeline uuid, continuous boolean) returns void plpgsql set search_path=pg_catalog, pg_temp []
  -- Makes a pipeline of flows follow its sources, or run only on request.
function synced_tables_internal._make_schema(schema_name text, created_by name) returns boolean plpgsql set search_path=pg_catalog, pg_temp []
  -- Creates a schema for the creator of a synced table; false if there is one of that name.
function synced_tables_internal._make_schema_for(schema_name text, creator name) returns void plpgsql set search_path=pg_catalog, pg_temp []
  -- Creates a schema that belongs to its creator; without a superuser, one in which the creator may do everything but drop what belongs to others.
function synced_tables_internal._make_streaming_plain(target synced_tables._cdc_targets, new_owner name) returns void plpgsql set search_path=pg_catalog, pg_temp set standard_conforming_strings=on []
  -- Puts a plain table with the same rows in the place of a streaming table: its views, grants and comments stay.
function synced_tables_internal._managed_relation(synced_table text) returns regclass plpgsql set search_path=pg_catalog, pg_temp []
  -- The relation of a synced table that the acting role manages, held as it is until the transaction ends.
function synced_tables_internal._manager_relations() returns text sql stable set search_path=pg_catalog, pg_temp []
  -- What managers may read, as a list for GRANT and REVOKE.
function synced_tables_internal._manager_routines() returns text sql stable set search_path=pg_catalog, pg_temp []
  -- What managers may call, also where PUBLIC may not, as a list for GRANT and REVOKE.
function synced_tables_internal._managers_changed() returns trigger plpgsql security definer set search_path=pg_catalog, pg_temp []
  -- Grants and revokes the right to call functions as managers are added and removed.
function synced_tables_internal._managers_of(relation regclass) returns jsonb sql stable security definer set search_path=pg_catalog, pg_temp [databricks_sync: EXECUTE]
  -- The managers of a table, for _restore_managers.
function synced_tables_internal._manages(synced_table text) returns boolean sql stable set search_path=pg_catalog, pg_temp []
  -- Whether the acting role is a manager of the table.
function synced_tables_internal._may_act_for(role_name name) returns boolean sql stable set search_path=pg_catalog, pg_temp [databricks_sync: EXECUTE]
  -- Whether the HTTP API may act on behalf of a role: it was granted to databricks_gateway, and is not a superuser.
function synced_tables_internal._may_control(created_by name) returns boolean sql stable set search_path=pg_catalog, pg_temp [databricks_superuser: EXECUTE, databricks_sync: EXECUTE, public: EXECUTE]
  -- Whether the acting role may sync and delete what created_by created; managers may too, see _manages.
function synced_tables_internal._may_control_all() returns boolean sql stable set search_path=pg_catalog, pg_temp [databricks_superuser: EXECUTE, databricks_sync: EXECUTE, public: EXECUTE]
  -- Whether the acting role may sync and delete whatever anybody created.
function synced_tables_internal._may_give_to(leaver name, role_name name) returns boolean plpgsql stable set search_path=pg_catalog, pg_temp []
  -- Whether who uninstalls can give a table to a role.
function synced_tables_internal._may_lock(relation regclass) returns boolean sql stable set search_path=pg_catalog, pg_temp []
  -- Whether the current role may take the lock that keeps new indexes and statistics from a table while the sidecar reads it.
function synced_tables_internal._may_read(created_by name, relation regclass) returns boolean sql stable set search_path=pg_catalog, pg_temp [databricks_superuser: EXECUTE, databricks_sync: EXECUTE, public: EXECUTE]
  -- Whether the acting role may read a table, and so is shown keys and values of its rows; null for the table: one that was never loaded.
function synced_tables_internal._may_see(created_by name, relation regclass) returns boolean sql stable set search_path=pg_catalog, pg_temp [databricks_superuser: EXECUTE, databricks_sync: EXECUTE, public: EXECUTE]
  -- Whether the acting role sees the status of a synced table.
function synced_tables_internal._may_take_over_target(schema_name text, table_name text) returns boolean sql stable set search_path=pg_catalog, pg_temp []
  -- Whether a streaming table was deleted without its data and the acting role may declare it again: its first update then replaces what is left.
function synced_tables_internal._missing_rights() returns TABLE(missing text) sql stable security definer set search_path=pg_catalog, pg_temp [databricks_sync: EXECUTE]
  -- Rights that repair() grants and that are gone: the sidecar's, and what commands of all roles need because of the guard.
function synced_tables_internal._move_table(relation regclass, new_schema text, new_table text) returns void plpgsql set search_path=pg_catalog, pg_temp set lock_timeout=5s []
  -- Gives a synced table another name and schema in Postgres.
function synced_tables_internal._name_in_schema(name text, default_schema text) returns text[] plpgsql immutable set search_path=pg_catalog, pg_temp set standard_conforming_strings=on []
  -- Schema and table of a name whose schema may be missing.
function synced_tables_internal._name_lock(schema_name text, table_name text) returns text sql immutable set search_path=pg_catalog, pg_temp []
  -- What the lock is called that is held by whoever takes a name, in whatever case.
function synced_tables_internal._never_comes(cron text) returns boolean sql immutable set search_path=pg_catalog, pg_temp set standard_conforming_strings=on [databricks_sync: EXECUTE]
  -- Whether a valid cron expression names days that none of its months has, such as 30 February.
function synced_tables_internal._new_owner_told(relation text, wanted name, leaver name) returns text sql stable set search_path=pg_catalog, pg_temp []
  -- To whom a table will belong, and why not to whom it should.
function synced_tables_internal._next_cdc_version(target_id uuid, OUT version bigint, OUT changed_at timestamp with time zone) returns record plpgsql set search_path=pg_catalog, pg_temp [databricks_sync: EXECUTE]
  -- The version of this transaction's changes to a target. Blocks all other changes to the target until it ends.
function synced_tables_internal._note_catalogs() returns trigger plpgsql security definer set search_path=pg_catalog, pg_temp []
  -- Keeps _pipelines.catalogs as the tables and flows of a pipeline come and go.
function synced_tables_internal._note_declaration(pipeline uuid) returns void plpgsql set search_path=pg_catalog, pg_temp []
  -- Must be called after every change to the definition of a pipeline's flows.
function synced_tables_internal._note_hand_write(relation oid, written_by name, command text) returns void plpgsql set search_path=pg_catalog, pg_temp []
  -- Called by the guard when somebody else than a sidecar writes to a synced table: notes that once, until it is mended.
function synced_tables_internal._note_name(renamed synced_tables._tables, new_schema text, new_table text, renamed_by name) returns void plpgsql set search_path=pg_catalog, pg_temp []
  -- Writes the new name of a synced table wherever the registry names it.
function synced_tables_internal._note_unreached() returns trigger plpgsql set search_path=pg_catalog, pg_temp []
  -- Notes of an update that ends whether it came to any of its tables.
function synced_tables_internal._notify_change() returns trigger plpgsql security definer set search_path=pg_catalog, pg_temp []
  -- Tells listeners of synced_tables_changes which row has changed: its kind and ids, never its content.
function synced_tables_internal._notify_request() returns trigger plpgsql set search_path=pg_catalog, pg_temp []
  -- Wakes the sidecars. Only a hint, because they poll as well.
function synced_tables_internal._number_order(number numeric) returns text plpgsql immutable strict set search_path=pg_catalog, pg_temp set standard_conforming_strings=on [databricks_sync: EXECUTE]
  -- A text that sorts by code point as the numbers do.
function synced_tables_internal._other_databases() returns text sql stable set search_path=pg_catalog, pg_temp []
  -- The other databases of the server that use our roles; null if there are none.
function synced_tables_internal._overlay(jsonb) returns jsonb internal immutable [databricks_sync: EXECUTE]
  -- Objects merged in order: each member has its last value.
function synced_tables_internal._override_type(override jsonb) returns text sql stable set search_path=pg_catalog, pg_temp [databricks_sync: EXECUTE]
  -- The Postgres type of an entry of type_overrides, as format_type() writes it.
function synced_tables_internal._owner_among_people(wanted name, otherwise name) returns name sql stable set search_path=pg_catalog, pg_temp []
  -- Whom a table is given to: the wanted role, or the other if that is gone or one of ours.
function synced_tables_internal._parse_name(synced_table text) returns text[] plpgsql immutable set search_path=pg_catalog, pg_temp set standard_conforming_strings=on []
  -- Schema and table of a synced table's name, folded as Postgres folds identifiers.
function synced_tables_internal._parts_of(relation regclass) returns TABLE(kind text, name text, definition text, size_bytes bigint, is_valid boolean, scans bigint) sql stable set search_path=pg_catalog, pg_temp [databricks_superuser: EXECUTE, databricks_sync: EXECUTE, public: EXECUTE]
  -- What a table consists of: partition, key and indexes with their sizes, and where it is published or commented.
function synced_tables_internal._people_involved(leaver name) returns SETOF name sql stable set search_path=pg_catalog, pg_temp []
  -- The roles to whom tables will be given, and whose objects have to do with them: whoever uninstalls acts as them.
function synced_tables_internal._place_update() returns trigger plpgsql set search_path=pg_catalog, pg_temp []
  -- Copies the pipeline and the time of the request, which histories are looked up by.
function synced_tables_internal._prepare_cdc_schema(schema_name text, created_by name) returns void plpgsql security definer set search_path=pg_catalog, pg_temp [databricks_sync: EXECUTE]
  -- Creates the schema of an Auto CDC target if it is missing, and lets databricks_sync create objects in it, within the rights of the target's creator.
function synced_tables_internal._prepare_schema(table_id uuid) returns void plpgsql security definer set search_path=pg_catalog, pg_temp [databricks_sync: EXECUTE]
  -- Creates the schema of a synced table if it is missing, and lets databricks_sync create tables in it.
function synced_tables_internal._queue_follower(pipeline uuid) returns boolean plpgsql set search_path=pg_catalog, pg_temp [databricks_sync: EXECUTE]
  -- Makes a CONTINUOUS pipeline follow its sources, unless it is stopped or paused, has nothing to follow, or an update runs or waits. True if it queued an update.
function synced_tables_internal._raise(code text, sql_state text, message text, remedy text) returns void plpgsql set search_path=pg_catalog, pg_temp [databricks_sync: EXECUTE]
  -- Raises an error of the catalogue (docs/reference/errors.md).
function synced_tables_internal._raise_exists(full_name text) returns void sql set search_path=pg_catalog, pg_temp []
  -- Raises SYNCED_TABLE_EXISTS.
function synced_tables_internal._raise_foreign_names(full_name text, what text, foreign_names text) returns void sql set search_path=pg_catalog, pg_temp []
  -- Refuses an extra column or index that names something the sidecar must not run.
function synced_tables_internal._raise_pipeline_name_taken(name text) returns void plpgsql set search_path=pg_catalog, pg_temp []
  -- Raises PIPELINE_NAME_TAKEN.
function synced_tables_internal._raise_unknown_table(synced_table text) returns void plpgsql stable set search_path=pg_catalog, pg_temp []
  -- Raises SYNCED_TABLE_NOT_FOUND.
function synced_tables_internal._read_change(full_name text, given jsonb, reset text[]) returns jsonb plpgsql immutable set search_path=pg_catalog, pg_temp []
  -- The change that alter_synced_table was asked for, by the names of its parameters.
function synced_tables_internal._read_source(flow text, source text, is_change_feed boolean, pipeline uuid, default_schema text) returns jsonb plpgsql stable set search_path=pg_catalog, pg_temp set standard_conforming_strings=on []
  -- Where a flow reads: a lakehouse table (three parts), a view of the pipeline, otherwise a table of this database.
function synced_tables_internal._read_type(type oid, modifier integer) returns text plpgsql stable set search_path=pg_catalog, pg_temp [databricks_sync: EXECUTE]
  -- The type that a column of a flow's source has in the target, without its modifier if that is null: a domain's base type; text for a type that no superuser owns.
function synced_tables_internal._record_event(level text, event_type text, synced_table text, pipeline_id uuid, update_id uuid, message text) returns void sql set search_path=pg_catalog, pg_temp [databricks_sync: EXECUTE]
  -- Writes an event.
function synced_tables_internal._record_lock_wait(table_id uuid, processes integer[]) returns void sql security definer set search_path=pg_catalog, pg_temp [databricks_sync: EXECUTE]
  -- Notes which sessions the switch of a table waits for: process, role, application and since when their transactions run.
function synced_tables_internal._refuse_change(update_id uuid, error_code text, message text) returns void plpgsql security definer set search_path=pg_catalog, pg_temp [databricks_sync: EXECUTE]
  -- Takes back what an update of mode CHANGE said in the status of its table; nothing else was changed.
function synced_tables_internal._refuse_other_case(schema_name text, table_name text) returns void plpgsql set search_path=pg_catalog, pg_temp []
  -- Refuses a name that another synced or streaming table has in another case.
function synced_tables_internal._refuse_streaming_change(command text, object text, full_name text) returns void plpgsql stable set search_path=pg_catalog, pg_temp []
  -- Raises STREAMING_TABLE_PROTECTED.
function synced_tables_internal._refuse_taken(schema_name text, table_name text, is_streaming boolean) returns void plpgsql stable set search_path=pg_catalog, pg_temp []
  -- Raises TARGET_TABLE_EXISTS for what is in the place of a synced table or a streaming table.
function synced_tables_internal._refuse_uninstall() returns void plpgsql set search_path=pg_catalog, pg_temp []
  -- Refuses to uninstall while a sidecar works, and where objects of people need ours.
function synced_tables_internal._registered_creators() returns SETOF name sql stable set search_path=pg_catalog, pg_temp []
  -- The roles that created a synced table, except those that have the rights of managers anyway. Memberships are no such thing: nobody is told when they end.
function synced_tables_internal._registered_managers() returns SETOF name sql stable set search_path=pg_catalog, pg_temp []
  -- The roles that manage a synced table, except the groups that have these rights anyway.
function synced_tables_internal._reject_create(table_id uuid, update_id uuid, error_code text, message text, remedy text, sql_state text) returns boolean plpgsql set search_path=pg_catalog, pg_temp [databricks_sync: EXECUTE]
  -- Takes back a registration that was never loaded: the update fails with the given error, and the table and an empty pipeline are removed. False if the table is loaded or gone.
function synced_tables_internal._relation_of(kind text, identity text) returns regclass sql stable set search_path=pg_catalog, pg_temp []
  -- The table or view of a row of _definitions; null for other kinds, or if it no longer exists.
function synced_tables_internal._release_former(schema_name text, table_name text, otherwise name) returns boolean plpgsql set search_path=pg_catalog, pg_temp set lock_timeout=300ms []
  -- Gives a former synced table to its creator, or to the other role; false if a reader holds it or that role is out of reach, so that it stays ours for now.
function synced_tables_internal._release_formers() returns void plpgsql security definer set search_path=pg_catalog, pg_temp [databricks_sync: EXECUTE]
  -- Gives away the former synced tables that could not be given away when they were deleted.
function synced_tables_internal._release_pipeline(pipeline uuid, holder uuid, epoch bigint) returns boolean plpgsql set search_path=pg_catalog, pg_temp [databricks_sync: EXECUTE]
  -- Gives a lease back; false if the caller no longer holds it.
function synced_tables_internal._release_table(relation regclass, new_owner name) returns regclass plpgsql set search_path=pg_catalog, pg_temp []
  -- Gives a synced table to a role of people, with its partition beside it and without our roles and triggers; returns the partition.
function synced_tables_internal._remove_streaming_table(wanted synced_tables._streaming_tables) returns void plpgsql set search_path=pg_catalog, pg_temp []
  -- Removes a streaming table from the registry, along with its pipeline if it was the only table.
function synced_tables_internal._remove_table(gone synced_tables._tables, error_code text, reason text) returns void plpgsql set search_path=pg_catalog, pg_temp [databricks_sync: EXECUTE]
  -- Removes a table from the registry, along with its pipeline if it was the only table.
function synced_tables_internal._rename_flow_source(before text[], after text[]) returns void plpgsql set search_path=pg_catalog, pg_temp []
  -- Flows that read a table of this database go on reading it under its new name, from where they were.
function synced_tables_internal._repair_flows() returns TABLE(object text, outcome text) plpgsql set search_path=pg_catalog, pg_temp []
  -- Lets the sidecar read the tables of this database that flows read, where the declaring roles may.
function synced_tables_internal._repair_gateway() returns TABLE(object text, outcome text) plpgsql set search_path=pg_catalog, pg_temp []
  -- Creates the role that lends callers of the HTTP API to the sidecars.
function synced_tables_internal._repair_registrations() returns TABLE(object text, outcome text) plpgsql set search_path=pg_catalog, pg_temp []
  -- Registers synced tables again that databricks_auth has lost, for example through DROP EXTENSION.
function synced_tables_internal._repair_rights() returns void plpgsql set search_path=pg_catalog, pg_temp []
  -- Grants rights as the files of sql/ say.
function synced_tables_internal._repair_streaming_table(target synced_tables._cdc_targets) returns text plpgsql set search_path=pg_catalog, pg_temp []
  -- Repairs owners and rights of a streaming table and its state; returns what was done, null if nothing.
function synced_tables_internal._repair_tokens() returns TABLE(object text, outcome text) plpgsql set search_path=pg_catalog, pg_temp []
  -- Binds tokens of the HTTP API to the roles of this cluster, including renamed ones.
function synced_tables_internal._request_update(pipeline uuid, full_refresh boolean, cause text DEFAULT 'USER_ACTION'::text, selection jsonb DEFAULT NULL::jsonb) returns uuid plpgsql set search_path=pg_catalog, pg_temp [databricks_sync: EXECUTE]
  -- The update of a pipeline, or of some of its tables, that has not started yet; queued if there is none. An update waiting for its next attempt becomes due, a stopped pipeline runs again.
function synced_tables_internal._requeue_update(update_id uuid, pipeline uuid, holder uuid, epoch bigint, delay_seconds double precision, counts_as_attempt boolean, reason text) returns boolean plpgsql set search_path=pg_catalog, pg_temp [databricks_sync: EXECUTE]
  -- Puts a claimed update back and gives its lease back in one step. The reason is told while it waits; null if it tells of itself.
function synced_tables_internal._require_control(synced_table text, created_by name, action text) returns void plpgsql stable set search_path=pg_catalog, pg_temp []
  -- Refuses a role that may not sync and delete a table.
function synced_tables_internal._require_flows(pipeline uuid, action text) returns synced_tables._pipelines plpgsql set search_path=pg_catalog, pg_temp []
  -- A pipeline of flows run by sidecars, for roles that may control it.
function synced_tables_internal._require_idle(pipeline uuid) returns void plpgsql set search_path=pg_catalog, pg_temp []
  -- Refuses while an update of a pipeline waits or runs, including one that follows its sources, and blocks new requests until the transaction ends.
function synced_tables_internal._require_job(job_id bigint, action text) returns synced_tables._jobs plpgsql set search_path=pg_catalog, pg_temp []
  -- A job, for roles that may control its pipeline; for those who may control what its creator created if it has none any more.
function synced_tables_internal._require_pipeline(pipeline uuid, action text) returns synced_tables._pipelines plpgsql set search_path=pg_catalog, pg_temp []
  -- The pipeline, for roles that may control it.
function synced_tables_internal._require_pipeline_control(pipeline synced_tables._pipelines, action text) returns void plpgsql stable set search_path=pg_catalog, pg_temp []
  -- Refuses a role that may not control all tables of a pipeline or, if it has no synced tables, the pipeline.
function synced_tables_internal._reserve_name(name text, place text) returns uuid plpgsql set search_path=pg_catalog, pg_temp [databricks_sync: EXECUTE]
  -- Reserves a name for a place; null while another place is about to take it.
function synced_tables_internal._rest_paused(pipeline uuid) returns void sql set search_path=pg_catalog, pg_temp [databricks_sync: EXECUTE]
  -- Shows the tables of a paused CONTINUOUS pipeline as what they are: readable, and not followed.
function synced_tables_internal._restore_managers(relation regclass, managers jsonb) returns void plpgsql security definer set search_path=pg_catalog, pg_temp [databricks_sync: EXECUTE]
  -- Makes those who managed a former synced table managers of the one that was made in its place.
function synced_tables_internal._retry_failed() returns integer plpgsql set search_path=pg_catalog, pg_temp [databricks_sync: EXECUTE]
  -- Asks for updates of CONTINUOUS pipelines with failed tables, at growing intervals. Returns how many.
function synced_tables_internal._revoke_manager(manager name) returns void plpgsql set search_path=pg_catalog, pg_temp []
  -- Takes back what _grant_manager gave, so that nothing keeps the role from being dropped.
function synced_tables_internal._revoke_token(token_id uuid) returns text plpgsql set search_path=pg_catalog, pg_temp [databricks_superuser: EXECUTE, databricks_sync: EXECUTE]
  -- Serves revoke_token; returns the role for which the API may no longer act.
function synced_tables_internal._rights_as_database_owner() returns text[] sql stable set search_path=pg_catalog, pg_temp []
  -- Statements that take from databricks_installer what the owner of the database has granted on schema public. For a session that is no member of it: Postgres would revoke on its behalf.
function synced_tables_internal._rights_given_to(role_name name) returns TABLE(kind text, identity text, owner name, statements text[]) sql stable set search_path=pg_catalog, pg_temp []
  -- What people have granted to one of our roles in this database, whose it is, and the statements that give what that role has passed on.
function synced_tables_internal._role_may_control(role_name name, created_by name) returns boolean sql stable set search_path=pg_catalog, pg_temp [databricks_superuser: EXECUTE, databricks_sync: EXECUTE, public: EXECUTE]
  -- Whether a role may sync and delete what created_by created; managers may too.
function synced_tables_internal._role_may_read(role_name name, created_by name, relation regclass) returns boolean sql stable set search_path=pg_catalog, pg_temp [databricks_superuser: EXECUTE, databricks_sync: EXECUTE, public: EXECUTE]
  -- Whether a role may read a table, see _may_read.
function synced_tables_internal._role_may_see(role_name name, created_by name, relation regclass) returns boolean sql stable set search_path=pg_catalog, pg_temp [databricks_superuser: EXECUTE, databricks_sync: EXECUTE, public: EXECUTE]
  -- Whether a role sees the status of a synced table.
function synced_tables_internal._role_may_take_over(role_name name, former databricks_auth.synced_tables) returns boolean sql stable security definer set search_path=pg_catalog, pg_temp [databricks_sync: EXECUTE]
  -- Whether a role may drop a former synced table, or have it synced again: its owner, who managed it, and databricks_superuser.
function synced_tables_internal._rooted_in(relation regclass) returns text sql stable set search_path=pg_catalog, pg_temp []
  -- What hangs on a table and would be lost with it, for a message; null if nothing does.
function synced_tables_internal._routine_of(kind text, identity text) returns regprocedure sql stable set search_path=pg_catalog, pg_temp []
  -- The routine of a row of _definitions; null for other kinds, or if it no longer exists.
function synced_tables_internal._rows_depend_on() returns text[] sql immutable set search_path=pg_catalog, pg_temp []
  -- The settings whose change takes a new copy of the table, and the rights of its creator: they decide what its readers are shown.
function synced_tables_internal._run_schedule(pipeline uuid, due timestamp with time zone, next_run timestamp with time zone, problem text DEFAULT NULL::text) returns uuid plpgsql set search_path=pg_catalog, pg_temp [databricks_sync: EXECUTE]
  -- Requests the update that was due then, and advances the schedule; null if another session did, or the pipeline is paused.
function synced_tables_internal._schedule_job(pipeline uuid, cron text, time_zone text) returns void plpgsql set search_path=pg_catalog, pg_temp []
  -- Gives the pipeline of a job the schedule that the job has, or none.
function synced_tables_internal._schema_maker(schema_oid oid) returns name sql stable set search_path=pg_catalog, pg_temp []
  -- For whom databricks_installer has made a schema: who may do everything in it. Null if that is nobody, or several.
function synced_tables_internal._selection_of(member synced_tables._tables, full_refresh boolean) returns jsonb plpgsql stable set search_path=pg_catalog, pg_temp []
  -- What _updates.selection holds for an update of one table; null if its pipeline has no other.
function synced_tables_internal._serve_call() returns trigger plpgsql security definer set search_path=pg_catalog, pg_temp []
  -- Runs the called function on behalf of the role that signed the call.
function synced_tables_internal._served_role() returns name sql stable security definer set search_path=pg_catalog, pg_temp [databricks_superuser: EXECUTE, databricks_sync: EXECUTE, public: EXECUTE]
  -- The role on whose behalf a SECURITY DEFINER function of this schema runs: the signer of the call being served, otherwise the session's role.
function synced_tables_internal._session_name(process integer) returns text sql stable security definer set search_path=pg_catalog, pg_temp [databricks_sync: EXECUTE]
  -- How messages name a session: process, user, application, and when its last query began.
function synced_tables_internal._set_authored(authored jsonb, changed jsonb, no_order jsonb) returns jsonb sql immutable set search_path=pg_catalog, pg_temp [databricks_sync: EXECUTE]
  -- The events that author columns, after values were changed by hand: the authors of the columns stay, their values change.
function synced_tables_internal._set_credential(role_name name, verifier text, issued_at timestamp with time zone, expires_at timestamp with time zone) returns void plpgsql security definer set search_path=pg_catalog, pg_temp set standard_conforming_strings=on [databricks_sync: EXECUTE]
  -- Makes a credential the password of its role, given its SCRAM verifier, so that the credential itself appears in no statement. Only for roles that the API may act for and that have no other password.
function synced_tables_internal._settle_in() returns TABLE(object text, outcome text) plpgsql set search_path=pg_catalog, pg_temp []
  -- What must be done once after a dump was restored.
function synced_tables_internal._settle_notice(notice_id bigint, retry_seconds double precision) returns void sql set search_path=pg_catalog, pg_temp [databricks_sync: EXECUTE]
  -- A notice was delivered, or is to be tried again after so many seconds.
function synced_tables_internal._shape_of(relation regclass) returns text sql stable set search_path=pg_catalog, pg_temp []
  -- The columns of a table, to be compared: names, types, defaults and so on, in their order.
function synced_tables_internal._shortened(words text, length_max integer DEFAULT 200) returns text sql immutable set search_path=pg_catalog, pg_temp [databricks_sync: EXECUTE]
  -- Beginning and end of a text that is too long to be repeated.
function synced_tables_internal._sign_call() returns trigger plpgsql set search_path=pg_catalog, pg_temp []
  -- Records the effective role of the caller: it runs as that role.
function synced_tables_internal._source_name(name text) returns text sql immutable set search_path=pg_catalog, pg_temp set standard_conforming_strings=on []
  -- The full name of a source table without the backticks that may be around its parts; null if it is none.
function synced_tables_internal._source_refusal(relation regclass, role_name name, OUT code text, OUT reason text) returns record plpgsql stable set search_path=pg_catalog, pg_temp []
  -- Why the sidecar refuses to read a table for a role, as a code and in words; nulls if it does not refuse.
function synced_tables_internal._start_flows(pipeline_id uuid, full_refresh boolean, cause text, validate_only boolean DEFAULT false) returns uuid plpgsql set search_path=pg_catalog, pg_temp [databricks_superuser: EXECUTE, databricks_sync: EXECUTE]
  -- Like _start_update, for a pipeline of flows; with validate_only, its flows are checked against their sources and nothing is written.
function synced_tables_internal._start_update(pipeline_id uuid, full_refresh boolean, selection jsonb, cause text) returns uuid plpgsql set search_path=pg_catalog, pg_temp [databricks_superuser: EXECUTE, databricks_sync: EXECUTE]
  -- Requests an update of a pipeline unless one is in progress, including one that follows its sources, as the pipelines API does; returns its id.
function synced_tables_internal._streaming_lag_seconds(member synced_tables._streaming_tables) returns double precision sql stable set search_path=pg_catalog, pg_temp [databricks_sync: EXECUTE]
  -- As the view status has it: since its sources have had something that the table does not reflect. Null while nobody knows.
function synced_tables_internal._streaming_parts() returns TABLE(target_id uuid, full_name text, part oid, part_schema text, part_name text) sql stable set search_path=pg_catalog, pg_temp []
  -- The view of each streaming table and the private tables behind it, including those already dropped.
function synced_tables_internal._streaming_rows(member synced_tables._streaming_tables) returns bigint sql stable set search_path=pg_catalog, pg_temp [databricks_sync: EXECUTE]
  -- About how many rows a streaming table keeps, as its last ANALYZE found; counting them would read them all.
function synced_tables_internal._sweep_refreshes() returns void plpgsql set search_path=pg_catalog, pg_temp [databricks_sync: EXECUTE]
  -- Drops what interrupted full refreshes left behind.
function synced_tables_internal._synced_version(synced_table text) returns TABLE(synced_version bigint, state text, message text, error_code text) sql stable security definer set search_path=pg_catalog, pg_temp [databricks_superuser: EXECUTE, databricks_sync: EXECUTE, public: EXECUTE]
  -- The version of a synced table; no row if it is unknown or hidden from the caller.
function synced_tables_internal._table_and_children(relation regclass) returns SETOF oid sql stable set search_path=pg_catalog, pg_temp []
  -- A table with its partitions and the tables that inherit from it.
function synced_tables_internal._table_changes(role_name name, signature bytea, target text, from_version bigint, to_version bigint) returns TABLE(_change_type text, _commit_version bigint, _commit_timestamp timestamp with time zone, row_data jsonb) plpgsql stable security definer set search_path=pg_catalog, pg_temp [databricks_superuser: EXECUTE, databricks_sync: EXECUTE]
  -- Serves table_changes.
function synced_tables_internal._table_grants(relation oid, target text) returns text[] sql stable set search_path=pg_catalog, pg_temp []
  -- Statements that grant on another table what people have on a relation and its columns.
function synced_tables_internal._table_has_gone() returns trigger plpgsql security definer set search_path=pg_catalog, pg_temp []
  -- Takes back what _grant_as_creator gave, with the last table of a creator.
function synced_tables_internal._table_was_dropped(dropped oid, dropped_by name) returns void plpgsql set search_path=pg_catalog, pg_temp []
  -- Called by the guard inside a DROP TABLE: removes the table from the registry and cancels its pipeline's pending updates.
function synced_tables_internal._table_was_renamed(relation oid, renamed_by name) returns boolean plpgsql set search_path=pg_catalog, pg_temp []
  -- Called by the guard after a synced table got another name or schema: the registry follows. False if it has no other name. Refuses names that synced tables cannot have.
function synced_tables_internal._tables_to_leave(leaver name) returns TABLE(relation regclass, is_released boolean, new_owner name, row_count bigint) sql stable set search_path=pg_catalog, pg_temp []
  -- The tables that are synced tables, or were, and to whom they will belong.
function synced_tables_internal._tables_without_identity() returns SETOF regclass sql stable set search_path=pg_catalog, pg_temp [databricks_sync: EXECUTE]
  -- Permanent tables of ours whose rows a publication would not let anybody update or delete.
function synced_tables_internal._take_back_schema(schema_name text) returns void plpgsql security definer set search_path=pg_catalog, pg_temp [databricks_sync: EXECUTE]
  -- Drops a schema that was made for a synced table which was rejected, unless something is in it.
function synced_tables_internal._take_over(table_id uuid) returns oid plpgsql security definer set search_path=pg_catalog, pg_temp set lock_timeout=50ms [databricks_sync: EXECUTE]
  -- Makes the former synced table whose place the first load of a synced table takes ours again: read-only, as it was. Null if there is none, or its creator may not.
function synced_tables_internal._take_samples() returns integer plpgsql set search_path=pg_catalog, pg_temp [databricks_sync: EXECUTE]
  -- Takes the samples that are due, at most one of a table in a minute. Returns how many.
function synced_tables_internal._tell(kind text, synced_table text, table_id uuid, pipeline_id uuid, error_code text, message text, lag_seconds double precision DEFAULT NULL::double precision) returns void sql set search_path=pg_catalog, pg_temp []
  -- Makes a notice.
function synced_tables_internal._tell_difference() returns trigger plpgsql security definer set search_path=pg_catalog, pg_temp []
  -- Makes a notice when a comparison finds that a table differs from its source.
function synced_tables_internal._tell_failure() returns trigger plpgsql security definer set search_path=pg_catalog, pg_temp []
  -- Makes a notice when a table fails for good, and one when it has recovered: none of attempts in between.
function synced_tables_internal._tell_lag(seconds_max double precision) returns integer plpgsql security definer set search_path=pg_catalog, pg_temp [databricks_sync: EXECUTE]
  -- Makes notices of tables that have begun to lag by more than so many seconds, and of those that have caught up. Returns how many.
function synced_tables_internal._thin_samples() returns integer plpgsql set search_path=pg_catalog, pg_temp [databricks_sync: EXECUTE]
  -- Leaves one sample of each hour that is more than two days old: a failed one if there is any, else the one that was furthest behind. Returns how many went.
function synced_tables_internal._token_role_refusal(role_name name, acting name) returns text sql stable set search_path=pg_catalog, pg_temp []
  -- Why the acting role may not make a token for a role; null if it may, or if there is no such role.
function synced_tables_internal._told_message(said text, changed text) returns text sql stable set search_path=pg_catalog, pg_temp [databricks_superuser: EXECUTE, databricks_sync: EXECUTE, public: EXECUTE]
  -- The message of a table: what its last update said, and that it was changed by hand since.
function synced_tables_internal._trigger_of(kind text, identity text) returns oid sql stable set search_path=pg_catalog, pg_temp []
  -- The trigger of a row of _definitions; null for other kinds, or if it no longer exists.
function synced_tables_internal._update_outcome(update_id uuid) returns TABLE(state text, error_code text, message text, remedy text, sql_state text) sql stable security definer set search_path=pg_catalog, pg_temp [databricks_superuser: EXECUTE, databricks_sync: EXECUTE, public: EXECUTE]
  -- The state of an update; no row if it is unknown or hidden from the caller.
function synced_tables_internal._used_by_people() returns text sql stable set search_path=pg_catalog, pg_temp []
  -- Objects of people that need one of ours, for a message; null if there are none.
function synced_tables_internal._verification_outcome(verification_id uuid) returns TABLE(state text, error_code text, message text, remedy text, sql_state text) sql stable security definer set search_path=pg_catalog, pg_temp [databricks_superuser: EXECUTE, databricks_sync: EXECUTE, public: EXECUTE]
  -- The state of a verification; no row if it is unknown or hidden from the caller.
function synced_tables_internal._view_statements(relation regclass) returns text[] sql stable set search_path=pg_catalog, pg_temp []
  -- Statements that define the views on a relation anew, in place, once another relation has its name.
procedure synced_tables_internal._wait(IN what text, IN name text, IN version bigint, IN timeout interval, INOUT sql_state text, INOUT error_code text, INOUT message text, INOUT remedy text) plpgsql [databricks_superuser: EXECUTE, databricks_sync: EXECUTE, public: EXECUTE]
  -- Waits for an update, a verification or a version. Returns the error to raise, nulls if there is none.
function synced_tables_internal._waiting_verification(wanted synced_tables._tables) returns uuid plpgsql set search_path=pg_catalog, pg_temp []
  -- The comparison of a table that was asked for and has not begun, null if there is none; one that waits for its next attempt becomes due. Others who ask wait until the transaction ends.
function synced_tables_internal._waits_for_resume(paused_at timestamp with time zone, cause text) returns boolean sql immutable set search_path=pg_catalog, pg_temp [databricks_superuser: EXECUTE, databricks_sync: EXECUTE, public: EXECUTE]
  -- Whether an update that was requested for this cause waits until its pipeline, paused since then, is resumed.
function synced_tables_internal._wanted_event_triggers() returns TABLE(name name, event text, tags text[], function text) sql immutable set search_path=pg_catalog, pg_temp [databricks_superuser: EXECUTE, databricks_sync: EXECUTE, public: EXECUTE]
  -- All event triggers of an installation: those of the guard, and those that protect streaming tables.
function synced_tables_internal._watch_managers() returns void plpgsql set search_path=pg_catalog, pg_temp []
  -- Puts the trigger on the table of managers that grants and revokes the right to call functions.
function synced_tables_internal._write_calling_half(served regprocedure) returns regprocedure plpgsql set search_path=pg_catalog, pg_temp []
  -- Creates the function that people call for a served one: in synced_tables, or in synced_tables_internal if its name begins with _.
function synced_tables_served._change_job(job_id bigint, pipeline_id uuid, settings jsonb, cron text, time_zone text) returns void plpgsql security definer set search_path=pg_catalog, pg_temp []
  -- Gives a job other settings, and its pipeline another schedule.
function synced_tables_served._create_index(synced_table text, definition text, index_name text) returns text plpgsql security definer set search_path=pg_catalog, pg_temp set standard_conforming_strings=on []
  -- Serves create_index.
function synced_tables_served._create_job(pipeline_id uuid, settings jsonb, cron text, time_zone text) returns bigint plpgsql security definer set search_path=pg_catalog, pg_temp []
  -- Creates a job for a pipeline; without cron it runs only when it is asked to.
function synced_tables_served._create_pipeline(name text, policy text, declaration jsonb, default_schema text, spec jsonb) returns uuid plpgsql security definer set search_path=pg_catalog, pg_temp []
  -- Like declare_pipeline, but only for a new name, and keeps what the HTTP API was given.
function synced_tables_served._create_token(role_name name, token_hash bytea, expires_at timestamp with time zone, description text) returns uuid plpgsql security definer set search_path=pg_catalog, pg_temp []
  -- Serves create_token.
function synced_tables_served._delete_flows(pipeline_id uuid, purge boolean) returns void plpgsql security definer set search_path=pg_catalog, pg_temp []
  -- Removes a pipeline of flows from the registry; with purge also drops the views that people read.
function synced_tables_served._delete_job(job_id bigint) returns void plpgsql security definer set search_path=pg_catalog, pg_temp []
  -- Removes a job and the schedule of its pipeline.
function synced_tables_served._drop_index(index_name text) returns void plpgsql security definer set search_path=pg_catalog, pg_temp []
  -- Serves drop_index.
function synced_tables_served._edit_pipeline(pipeline_id uuid, name text, policy text, declaration jsonb, default_schema text, spec jsonb) returns void plpgsql security definer set search_path=pg_catalog, pg_temp []
  -- Replaces the statements, name and policy of a pipeline of flows. What its flows have read is not read again.
function synced_tables_served._revoke_token(token_id uuid) returns text plpgsql security definer set search_path=pg_catalog, pg_temp []
  -- Serves revoke_token; returns the role for which the API may no longer act.
function synced_tables_served._start_flows(pipeline_id uuid, full_refresh boolean, cause text, validate_only boolean DEFAULT false) returns uuid plpgsql security definer set search_path=pg_catalog, pg_temp []
  -- Like _start_update, for a pipeline of flows; with validate_only, its flows are checked against their sources and nothing is written.
function synced_tables_served._start_update(pipeline_id uuid, full_refresh boolean, selection jsonb, cause text) returns uuid plpgsql security definer set search_path=pg_catalog, pg_temp []
  -- Requests an update of a pipeline unless one is in progress, including one that follows its sources, as the pipelines API does; returns its id.
function synced_tables_served.alter_synced_table(synced_table text, source_table_full_name text DEFAULT NULL::text, primary_key_columns text[] DEFAULT NULL::text[], scheduling_policy text DEFAULT NULL::text, timeseries_key text DEFAULT NULL::text, invalid_characters text DEFAULT NULL::text, allow_file_diff boolean DEFAULT NULL::boolean, on_history_gap text DEFAULT NULL::text, type_overrides jsonb DEFAULT NULL::jsonb, extra_columns jsonb DEFAULT NULL::jsonb, extra_index_definitions jsonb DEFAULT NULL::jsonb, accelerated_sync boolean DEFAULT NULL::boolean, columns text[] DEFAULT NULL::text[], row_filter text DEFAULT NULL::text, trigger_interval_ms integer DEFAULT NULL::integer, reset text[] DEFAULT NULL::text[]) returns uuid plpgsql security definer set search_path=pg_catalog, pg_temp []
  -- Changes how a table is synced, in place: parameters as of create_synced_table, null for what stays as it is; reset => array['row_filter'] for what is to be as if it had never been given. Returns the id of the update that makes the change, CALL synced_tables.wait_for_update(id) waits for it. Where rows have to be others they are loaded beside, and readers keep the old ones until all of it is exchanged at once; a change that is refused leaves the table as it was. A table that shares its pipeline gets one of its own for another scheduling policy. For its creator and databricks_superuser; for its managers what does not change what it shows.
function synced_tables_served.apply_changes(target text, source text, keys text[], sequence_by text DEFAULT NULL::text, ignore_null_updates boolean DEFAULT false, apply_as_deletes text DEFAULT NULL::text, apply_as_truncates text DEFAULT NULL::text, column_list text[] DEFAULT NULL::text[], except_column_list text[] DEFAULT NULL::text[], stored_as_scd_type integer DEFAULT 1, track_history_column_list text[] DEFAULT NULL::text[], track_history_except_column_list text[] DEFAULT NULL::text[], name text DEFAULT NULL::text, once boolean DEFAULT false, ignore_null_updates_column_list text[] DEFAULT NULL::text[], ignore_null_updates_except_column_list text[] DEFAULT NULL::text[], columns_to_update text DEFAULT NULL::text, source_change_feed boolean DEFAULT false, default_schema text DEFAULT "current_schema"()) returns uuid sql security definer set search_path=pg_catalog, pg_temp []
  -- Declares a flow from records of changes into a streaming table, as SCD type 1 or 2. source: a table of the lakehouse (catalog.schema.table; with source_change_feed its change feed) or an append-only table of this database. Conditions and sequence_by are expressions of the lakehouse. Returns the pipeline's id; synced_tables.start_update runs it.
function synced_tables_served.apply_changes_from_snapshot(target text, source text, keys text[], stored_as_scd_type integer DEFAULT 1, track_history_column_list text[] DEFAULT NULL::text[], track_history_except_column_list text[] DEFAULT NULL::text[], once boolean DEFAULT false, name text DEFAULT NULL::text, default_schema text DEFAULT "current_schema"()) returns uuid sql security definer set search_path=pg_catalog, pg_temp []
  -- Declares a flow that compares the rows of a table with those of the last update, and keeps the result as SCD type 1 or 2. Returns the pipeline's id.
function synced_tables_served.cancel_updates(synced_table_or_pipeline text) returns integer plpgsql security definer set search_path=pg_catalog, pg_temp []
  -- Cancels the update that runs in a pipeline, given by its id or by one of its tables, and those that wait; returns how many. Nothing of them becomes visible: the tables keep their rows. Later updates run as usual, and a CONTINUOUS pipeline goes on following its sources; pause_pipeline and stop_pipeline keep it from that. For the creators of its tables, their managers and databricks_superuser.
function synced_tables_served.cancel_verification(verification_id uuid) returns void plpgsql security definer set search_path=pg_catalog, pg_temp []
  -- Cancels a verification that waits or runs, for all who asked for it; one that has ended stays as it is. A sidecar at work on it stops within seconds. For the creator of its table, its managers and databricks_superuser.
function synced_tables_served.create_streaming_table(name text, comment text DEFAULT NULL::text, table_properties jsonb DEFAULT '{}'::jsonb, default_schema text DEFAULT "current_schema"(), continuous boolean DEFAULT false) returns uuid plpgsql security definer set search_path=pg_catalog, pg_temp set standard_conforming_strings=on []
  -- Declares the target of flows: see apply_changes. With continuous, its flows run automatically as soon as their sources have something new; otherwise start_update or sync_now runs them. Returns the id of its pipeline. Needs CREATE on the schema, or on the database if the schema is missing.
function synced_tables_served.create_synced_table(synced_table text, source_table_full_name text, primary_key_columns text[], scheduling_policy text DEFAULT 'SNAPSHOT'::text, timeseries_key text DEFAULT NULL::text, invalid_characters text DEFAULT 'fail'::text, create_database_objects_if_missing boolean DEFAULT true, existing_pipeline_id uuid DEFAULT NULL::uuid, allow_file_diff boolean DEFAULT false, on_history_gap text DEFAULT 'fail'::text, type_overrides jsonb DEFAULT NULL::jsonb, extra_columns jsonb DEFAULT NULL::jsonb, extra_index_definitions jsonb DEFAULT NULL::jsonb, accelerated_sync boolean DEFAULT false, new_pipeline_spec jsonb DEFAULT NULL::jsonb, publish text DEFAULT NULL::text, columns text[] DEFAULT NULL::text[], row_filter text DEFAULT NULL::text) returns uuid plpgsql security definer set search_path=pg_catalog, pg_temp []
  -- Requests a synced table: schema.table from catalog.schema.table of the lakehouse. Returns the id of its first update; CALL synced_tables.wait_for_update(id) waits for it. Needs CREATE on the schema, or on the database if the schema is missing. publish => 'together': updates publish all tables of the pipeline in one transaction. columns => and row_filter =>: which columns and rows of the source the table has; the filter is an expression of the lakehouse's SQL over one row, as in row_filter => $$region = 'EU'$$.
function synced_tables_served.declare_pipeline(name text, declaration jsonb, default_schema text DEFAULT "current_schema"(), runs_in_program boolean DEFAULT false, continuous boolean DEFAULT false) returns uuid plpgsql security definer set search_path=pg_catalog, pg_temp []
  -- Replaces the streaming tables, views and flows of a pipeline with those a program declares. A continuous pipeline runs automatically from then on. Returns its id.
function synced_tables_served.delete_streaming_table(name text, purge boolean DEFAULT false, default_schema text DEFAULT "current_schema"()) returns void plpgsql security definer set search_path=pg_catalog, pg_temp []
  -- Removes a streaming table and its flows from their pipeline. The view stays as it is; purge => true drops it too, even in a later call. For the pipeline's creator and databricks_superuser.
function synced_tables_served.delete_synced_table(synced_table text, purge boolean DEFAULT false) returns void plpgsql security definer set search_path=pg_catalog, pg_temp []
  -- Stops syncing a table. The table stays with its rows, as a table of its creator, and create_synced_table takes it over again unless it was altered; purge => true drops it too, even in a later call. A streaming table is deleted as by delete_streaming_table. For its creator and databricks_superuser.
function synced_tables_served.pause_pipeline(synced_table_or_pipeline text) returns boolean plpgsql security definer set search_path=pg_catalog, pg_temp []
  -- Keeps a pipeline, given by its id or by one of its tables, from doing anything by itself until resume_pipeline: it stops following its sources, scheduled runs wait. Updates that somebody asks for run, and one that runs goes on to its end. The tables keep their rows. False if it is paused already. For the creators of its tables, their managers and databricks_superuser.
function synced_tables_served.remove_schedule(synced_table_or_pipeline text) returns boolean plpgsql security definer set search_path=pg_catalog, pg_temp []
  -- Removes the schedule of a pipeline; false if it had none.
function synced_tables_served.rename_synced_table(synced_table text, new_name text) returns void plpgsql security definer set search_path=pg_catalog, pg_temp []
  -- Gives a synced table another name, or moves it to another schema: schema.table, or a table name alone. The table stays the same one, with its grants, indexes, views and managers, and its sync goes on; pipelines, schedules, flows that read it and its history go along. ALTER TABLE … RENAME TO and SET SCHEMA do the same for its managers. For its creator, its managers and databricks_superuser; another schema takes CREATE on it.
function synced_tables_served.resume_pipeline(synced_table_or_pipeline text) returns boolean plpgsql security definer set search_path=pg_catalog, pg_temp []
  -- Ends the pause of a pipeline, given by its id or by one of its tables: it follows its sources again from where it was, and a schedule that was due meanwhile runs once. A pipeline that stop_pipeline stopped goes on, too. False if it was neither paused nor stopped. For whom pause_pipeline is.
function synced_tables_served.set_continuous(streaming_table text, continuous boolean DEFAULT true) returns void plpgsql security definer set search_path=pg_catalog, pg_temp []
  -- Makes the pipeline of a streaming table, with all its tables, follow its sources automatically, or, with false, run only on request. For its creator and databricks_superuser.
function synced_tables_served.set_schedule(synced_table_or_pipeline text, cron text, time_zone text DEFAULT 'UTC'::text) returns void plpgsql security definer set search_path=pg_catalog, pg_temp []
  -- Updates a pipeline, given by its id or by one of its synced tables, at the times of a cron expression. Missed runs are made up for once. For creators, managers and databricks_superuser.
function synced_tables_served.set_trigger_interval(synced_table text, trigger_interval_ms integer) returns void plpgsql security definer set search_path=pg_catalog, pg_temp []
  -- How often the pipeline of a CONTINUOUS table looks for new commits or events, in milliseconds; null for the sidecar's default. At 1000 or more it does not look sooner, even if notified of a commit. Takes effect within seconds.
function synced_tables_served.start_update(pipeline_id uuid, full_refresh boolean DEFAULT false) returns uuid plpgsql security definer set search_path=pg_catalog, pg_temp []
  -- Requests an update of a pipeline; full_refresh forgets what was read and starts over. Returns the update's id, for wait_for_update. For its creator and databricks_superuser.
function synced_tables_served.stop_pipeline(pipeline_id uuid) returns void plpgsql security definer set search_path=pg_catalog, pg_temp []
  -- Cancels the running and pending updates of a pipeline, and keeps a CONTINUOUS one from following its sources until sync_now or start_update. The tables keep their rows. For the creators of its tables, their managers and databricks_superuser.
function synced_tables_served.sync_now(synced_table text, full_refresh boolean DEFAULT false, scope text DEFAULT 'pipeline'::text) returns uuid plpgsql security definer set search_path=pg_catalog, pg_temp []
  -- Requests an update of a synced table; full_refresh rebuilds it. With it go all tables of its pipeline, unless scope is 'table'. Returns the update's id; an update that has not started yet is shared. For its creator, its managers and databricks_superuser.
function synced_tables_served.verify(synced_table text) returns uuid plpgsql security definer set search_path=pg_catalog, pg_temp []
  -- Requests a cell-by-cell comparison of a synced table with its source at the version it reflects. Returns an id; CALL synced_tables.wait_for_verification(id) waits for it, synced_tables.verifications shows the result. One that has not begun yet is shared. For its creator, its managers and databricks_superuser.

-- event triggers

event trigger databricks_auth_0_close on ddl_command_end when tag in (CREATE INDEX, ALTER INDEX, DROP INDEX, DROP TABLE, ALTER TABLE, CREATE TABLE) execute databricks_auth.ev_close() (A)
event trigger databricks_auth_1_guard on ddl_command_start execute databricks_auth.ev_guard() (A)
event trigger databricks_auth_2_open on ddl_command_start when tag in (CREATE INDEX, ALTER INDEX, DROP INDEX, DROP TABLE, ALTER TABLE) execute databricks_auth.ev_open() (A)
event trigger databricks_auth_3_kind on ddl_command_start when tag in (CREATE INDEX, ALTER INDEX, DROP INDEX, DROP TABLE, ALTER TABLE, COMMENT, CREATE POLICY, CREATE TRIGGER, CREATE RULE) execute databricks_auth.ev_kind() (A)
event trigger databricks_auth_careful on ddl_command_end when tag in (ALTER TABLE, ALTER INDEX, CREATE TABLE, ALTER SCHEMA, CREATE TRIGGER, ALTER TRIGGER, CREATE RULE, ALTER RULE, CREATE POLICY, ALTER POLICY) execute databricks_auth.ev_careful() (A)
event trigger databricks_auth_drop on sql_drop execute databricks_auth.ev_drop() (A)
event trigger databricks_auth_references on ddl_command_end when tag in (ALTER TABLE, CREATE TABLE, CREATE SCHEMA) execute databricks_auth.ev_references() (A)
event trigger databricks_auth_schemas on ddl_command_start when tag in (DROP SCHEMA) execute databricks_auth.ev_schemas() (A)
event trigger synced_tables_streaming_ddl on ddl_command_end when tag in (ALTER TABLE, ALTER VIEW, CREATE VIEW, CREATE INDEX, ALTER INDEX, CREATE TRIGGER, ALTER TRIGGER, CREATE RULE, ALTER RULE, CREATE POLICY, ALTER POLICY, ALTER SCHEMA, CREATE FUNCTION, ALTER FUNCTION) execute synced_tables_internal._ev_streaming_ddl() (A)
event trigger synced_tables_streaming_drop on sql_drop execute synced_tables_internal._ev_streaming_drop() (A)
