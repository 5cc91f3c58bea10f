-- Jobs outlive their pipelines: who replaces a table, deletes it, creates it again, and then gives its job the new pipeline.

alter table synced_tables._jobs drop constraint _jobs_pipeline_fk;
comment on column synced_tables._jobs.pipeline_id is 'Of a pipeline that may have been deleted: the job then stays for its creator, to be given another one or to be deleted.';
