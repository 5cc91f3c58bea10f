-- Synced tables with a part of the columns and rows of their source.

alter table synced_tables._tables
  add column columns text[] constraint _tables_columns_check check (columns is null or cardinality(columns) > 0),
  add column row_filter text constraint _tables_row_filter_check check (row_filter is null or row_filter ~ '\S');
comment on column synced_tables._tables.columns is
  'The source columns that the table has; null: all, also those that the source gets later.';
comment on column synced_tables._tables.row_filter is
  'Which source rows the table has: an expression of the lakehouse''s SQL over one row; null: all.';
