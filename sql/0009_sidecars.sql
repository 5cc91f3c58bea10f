-- Leases of all pipelines of a sidecar end together: renewing a thousand of them is one row.

-- for: sidecar
create table synced_tables._sidecars (
  holder uuid constraint _sidecars_pk primary key,
  expires_at timestamptz not null,
  joined_at timestamptz not null default clock_timestamp(),
  serves_all boolean not null default true,
  trouble text
) with (fillfactor = 10);
comment on table synced_tables._sidecars is 'The sidecars, and programs, that run pipelines of this database.';
comment on column synced_tables._sidecars.holder is 'What _pipelines.lease_holder names.';
comment on column synced_tables._sidecars.serves_all is 'False for a program that runs a pipeline of its own only.';
comment on column synced_tables._sidecars.trouble is 'What keeps it from its work at the moment; null if nothing does.';
comment on column synced_tables._sidecars.expires_at is 'When others may take its pipelines over, unless it renews this before.';

-- What runs now was begun by a sidecar that does not know of this; it goes on under a new lease.
update synced_tables._pipelines set lease_holder = null, lease_epoch = lease_epoch + 1 where lease_holder is not null;
alter table synced_tables._pipelines
  drop column lease_expires_at,
  add constraint _pipelines_lease_holder_fk foreign key (lease_holder) references synced_tables._sidecars on delete set null;
create index _pipelines_lease_holder on synced_tables._pipelines (lease_holder) where lease_holder is not null;

update synced_tables._schema set newest_breaking = 9;
