import type pg from 'pg';
import { quoteIdentifier } from '../../core/names.js';

/** How many pages at the end of a table to inspect. */
const TAIL_PAGES = 16;
/** Of a partitioned table with more partitions, only the newest are inspected that closely. */
const TAIL_TABLES_MAX = 8;

interface Part {
  readonly mark: string;
  readonly schema: string;
  readonly name: string;
  readonly pages: string;
  readonly may_read: boolean;
}

/**
 * A text that changes when rows are written to a table, at a cost independent of the table's size. It covers three
 * things, since none is sufficient: the size; the server's counts of written rows, which a session may withhold for a
 * second, or ten while idle; and the rows in the last pages, where new ones nearly always go. Empty if the table does
 * not exist.
 */
export async function tableActivity(client: pg.Client, schema: string, table: string): Promise<string> {
  const { rows } = await client.query<Part>(
    `with root as (
       select c.oid from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname = $1 and c.relname = $2
     ), part as (
       select oid from root union select t.relid from root cross join pg_partition_tree(root.oid) t where t.isleaf
     )
     select concat_ws(':', c.oid, c.relfilenode, s.size, pg_stat_get_tuples_inserted(c.oid),
                      pg_stat_get_tuples_updated(c.oid), pg_stat_get_tuples_deleted(c.oid)) as mark,
            n.nspname as schema, c.relname as name, (s.size / current_setting('block_size')::bigint)::text as pages,
            has_schema_privilege(n.oid, 'usage') and has_table_privilege(c.oid, 'select') as may_read
       from part join pg_class c using (oid) join pg_namespace n on n.oid = c.relnamespace
      cross join lateral (select coalesce(pg_relation_size(c.oid), 0) as size) s
      where c.relkind = 'r' order by c.oid desc`,
    [schema, table],
  );
  const marks = rows.map((part) => part.mark);
  const tails = rows.filter((part) => part.may_read && part.pages !== '0').slice(0, TAIL_TABLES_MAX);
  if (tails.length === 0) return marks.join(' ');
  const counts = tails.map((part) => {
    const from = BigInt(part.pages) > TAIL_PAGES ? BigInt(part.pages) - BigInt(TAIL_PAGES) : 0n;
    const name = `${quoteIdentifier(part.schema)}.${quoteIdentifier(part.name)}`;
    return `(select concat_ws(':', count(*), sum(xmin::text::bigint)) from only ${name} where ctid >= '(${from},0)')`;
  });
  const tail = await client.query<{ tail: string }>(`select concat_ws(' ', ${counts.join(', ')}) as tail`);
  return `${marks.join(' ')} ${tail.rows[0]?.tail ?? ''}`;
}
