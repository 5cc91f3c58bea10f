-- Which pipelines are being run.

-- for: sidecar
create or replace view synced_tables_internal._leases as
  select p.pipeline_id, p.lease_holder, p.lease_epoch, s.expires_at
    from synced_tables._pipelines p
    join synced_tables._sidecars s on s.holder = p.lease_holder
   where s.expires_at >= clock_timestamp();
comment on view synced_tables_internal._leases is 'The leases in force.';
