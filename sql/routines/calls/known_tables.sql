-- All tables that can be asked about. In this room because views of other rooms read it, and views are created in file
-- order.

-- for: sidecar
create or replace view synced_tables._known_tables as
  select t.table_id, t.synced_table, t.pipeline_id, t.created_by, t.relation from synced_tables._tables t
  union all
  select s.table_id, s.synced_table, s.pipeline_id, s.created_by, s.relation from synced_tables._streaming_tables s;
comment on view synced_tables._known_tables is 'Synced tables and streaming tables.';

-- OFFSET keeps UNION ALL from being flattened, which would run a reader's own functions on rows before they are filtered;
-- security_barrier alone does not prevent that.
