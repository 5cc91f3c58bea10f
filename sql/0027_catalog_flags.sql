-- What database catalogs were created with, for clients that compare what they sent with what they get.

alter table synced_tables._catalogs add column creates_database boolean;
comment on column synced_tables._catalogs.creates_database is
  'Whether the request allowed to create the database; null if it did not say. Means nothing once the catalog is there.';
