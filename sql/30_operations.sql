-- Long-running operations of the `postgres` service of the HTTP API. Creating and deleting are done when they are
-- answered; clients read the operation again all the same, also after what it was about is gone.

create table synced_tables._operations (
  operation_id uuid constraint _operations_pk primary key default gen_random_uuid(),
  resource_name text not null,
  action text not null constraint _operations_action_check check (action in ('CREATE', 'DELETE')),
  role_name name not null,
  created_at timestamptz not null default now()
);
create index _operations_age_index on synced_tables._operations (created_at);
comment on table synced_tables._operations is 'Operations of the last day: what each did, and for which role.';

do $$
begin
  perform synced_tables._publish_relation('_operations', 'sidecar');
end $$;
