import type pg from 'pg';

/** The answer of `_hold_source` about a table: readable, or a code to act on and a reason for messages. */
type HeldSource =
  | { readonly code: null; readonly reason: null }
  | {
      readonly code:
        | 'MISSING'
        | 'NOT_A_TABLE'
        | 'RESERVED_SCHEMA'
        | 'ROW_SECURITY'
        | 'NOT_READABLE'
        | 'FOREIGN_CODE'
        | 'NOT_LENT';
      readonly reason: string;
    };

/** Holds a table that a flow reads as it is until the transaction ends, and says whether reading it runs nobody's code. */
export async function holdSourceTable(
  client: pg.Client,
  source: { readonly schema: string; readonly table: string; readonly declaredBy: string },
): Promise<HeldSource> {
  const { rows } = await client.query<HeldSource>(
    'select code, reason from synced_tables_internal._hold_source($1, $2, $3)',
    [source.schema, source.table, source.declaredBy],
  );
  const [held] = rows;
  if (held === undefined) throw new Error('_hold_source gave no row');
  return held;
}

/** A column of a table that a flow reads. */
export interface SourceAttribute {
  readonly name: string;
  readonly base_type: string;
  readonly type_text: string;
  readonly precision: number | null;
  readonly scale: number | null;
  /** Fields of a composite type, in order; null for other types, and if a field is not of a built-in type. */
  readonly fields: readonly { readonly name: string; readonly type: string }[] | null;
}

/** Types from here on are not Postgres' own: converting them to JSON may run a user's cast. */
const FIRST_OID_OF_USERS = 16_384;

/** The columns of a table that a flow reads, in order. */
export async function readSourceAttributes(
  client: pg.Client,
  schema: string,
  table: string,
): Promise<SourceAttribute[]> {
  const { rows } = await client.query<SourceAttribute>(
    `select a.attname as name, synced_tables_internal._read_type(a.atttypid, null) as base_type,
            synced_tables_internal._read_type(a.atttypid, a.atttypmod) as type_text,
            case when a.atttypid = 'numeric'::regtype and a.atttypmod >= 4 then ((a.atttypmod - 4) >> 16) & 65535 end as precision,
            case when a.atttypid = 'numeric'::regtype and a.atttypmod >= 4 then (a.atttypmod - 4) & 2047 end as scale,
            case when t.typtype = 'c' then
              (select jsonb_agg(jsonb_build_object('name', f.attname, 'type', format_type(f.atttypid, null)) order by f.attnum)
                 from pg_attribute f where f.attrelid = t.typrelid and f.attnum > 0 and not f.attisdropped
               having max(f.atttypid::bigint) < ${FIRST_OID_OF_USERS}) end as fields
       from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
       join pg_type t on t.oid = a.atttypid
      where n.nspname = $1 and c.relname = $2 and a.attnum > 0 and not a.attisdropped
      order by a.attnum`,
    [schema, table],
  );
  return rows;
}
