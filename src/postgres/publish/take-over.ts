import type pg from 'pg';
import { identifierList } from '../../core/names.js';
import type { SyncedTable, TargetColumn } from '../../core/synced-table.js';
import { grantCreator } from '../registry/former-tables.js';
import { type ColumnChanges, refuseForeignKeys } from './column-changes.js';
import { addExtraColumns } from './extra-columns.js';
import { createExtraIndexesOfParent } from './extra-indexes.js';
import { qualifiedShadow } from './shadow-table.js';
import { sourceComment } from './source-comment.js';

// A synced table whose name is that of a former one takes its place, and one that is changed takes its own: what people
// attached to it stays, as in a refresh after which the source has other columns. Only its key may differ too, and what is
// computed in Postgres.

/** How a former synced table becomes the new one. */
export interface TakeOver {
  /** OID of the former table. */
  readonly relation: number;
  readonly columnChanges: ColumnChanges;
  /** Adds what only Postgres has, and the key, to the columns of the source. */
  finish(qualifiedTarget: string): Promise<void>;
  /** Gives it to the creator of the new one, once it has its rows. */
  adopt(qualifiedTarget: string): Promise<void>;
}

/** Why a former table cannot become the new one, so that it has to be replaced. */
export interface Misfit {
  readonly relation: number;
  /** The column by which it is partitioned. */
  readonly column: string;
  /** `is not in the new key` */
  readonly reason: string;
}

interface FormerTable {
  readonly client: pg.Client;
  readonly table: SyncedTable;
  /** Its OID. */
  readonly relation: number;
  readonly columns: readonly TargetColumn[];
  /** Name of the loaded shadow table, which has the columns that are wanted. */
  readonly shadow: string;
}

interface ComparedColumn {
  readonly name: string;
  readonly is_old: boolean;
  readonly is_new: boolean;
  readonly is_computed: boolean;
  readonly has_same_type: boolean;
  readonly has_same_expression: boolean;
  readonly may_be_null_now: boolean;
}

const COMPARED_COLUMNS = `
  with columns as (
    select a.attrelid, a.attname::text as name, a.attnum, format_type(a.atttypid, a.atttypmod) as type, a.attnotnull,
           a.attgenerated, pg_get_expr(d.adbin, d.adrelid) as expression
      from pg_attribute a left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
     where a.attrelid in ($1::oid, $2::regclass) and a.attnum > 0 and not a.attisdropped)
  select name, o.attrelid is not null as is_old, n.attrelid is not null as is_new,
         coalesce(o.attgenerated, '') <> '' as is_computed,
         o.type is not distinct from n.type as has_same_type,
         (o.attgenerated, o.expression) is not distinct from (n.attgenerated, n.expression) as has_same_expression,
         coalesce(o.attnotnull and not n.attnotnull, false) as may_be_null_now
    from (select * from columns where attrelid = $1::oid) o full join (select * from columns where attrelid = $2::regclass) n using (name)
   order by coalesce(o.attgenerated, '') = '', o.attnum, n.attnum`;

/**
 * Compares a former synced table with what is loaded.
 * @throws DEPENDENT_OBJECTS_EXIST if a foreign key refers to a key that changes
 */
export async function planTakeOver(former: FormerTable): Promise<TakeOver | Misfit> {
  const { client, table, relation, columns, shadow } = former;
  const { rows: compared } = await client.query<ComparedColumn>(COMPARED_COLUMNS, [relation, qualifiedShadow(shadow)]);
  const { rows: keys } = await client.query<{ name: string; columns: string[]; partitioned_by: string }>(
    `select conname::text as name,
            array(select a.attname::text from unnest(conkey) with ordinality k (attnum, nth)
                    join pg_attribute a on a.attrelid = conrelid and a.attnum = k.attnum order by nth) as columns,
            (select a.attname::text from pg_partitioned_table p join pg_attribute a on a.attrelid = p.partrelid and a.attnum = p.partattrs[0]
              where p.partrelid = conrelid) as partitioned_by
       from pg_constraint where conrelid = $1 and contype = 'p'`,
    [relation],
  );
  const [key] = keys;
  if (key === undefined) return { relation, column: '', reason: 'has no primary key' };
  const partitionedBy = compared.find(({ name }) => name === key.partitioned_by);
  const misfit = (reason: string) => ({ relation, column: key.partitioned_by, reason });
  if (!table.keyColumns.includes(key.partitioned_by)) return misfit('is not in the new primary key');
  if (!partitionedBy?.has_same_type) return misfit('has another type now');

  const isOtherKey = key.columns.join('\n') !== table.keyColumns.join('\n');
  const remade = compared.filter((column) => column.is_old && column.is_new && !column.has_same_expression);
  const isGone = (column: ComparedColumn) => column.is_old && (!column.is_new || remade.includes(column));
  const isAdded = (name: string) =>
    compared.some((each) => each.name === name && (!each.is_old || remade.includes(each)));
  const retyped = columns.filter(({ field }) =>
    compared.some((each) => each.name === field.name && each.is_old && !each.has_same_type && !remade.includes(each)),
  );
  const changesKey = isOtherKey || retyped.some(({ field }) => key.columns.includes(field.name));
  if (changesKey) await refuseForeignKeys(client, table, relation, key.columns.join(', '));
  const columnChanges = {
    added: columns.filter(({ field }) => isAdded(field.name)),
    dropped: compared.filter(isGone).map(({ name }) => name),
    retyped,
    ...(isOtherKey ? { droppedKey: key } : {}),
    nullable: isOtherKey
      ? compared.filter((each) => each.may_be_null_now && !isGone(each)).map(({ name }) => name)
      : [],
  };
  return {
    relation,
    columnChanges,
    finish: async (target) => {
      const extraColumns = table.extraColumns.filter(({ name }) => isAdded(name));
      await addExtraColumns(client, { ...table, extraColumns }, target);
      if (isOtherKey) await client.query(`alter table ${target} add primary key (${identifierList(table.keyColumns)})`);
      await createExtraIndexesOfParent(client, await withNewIndexes(former), target);
    },
    adopt: async (_target) => {
      await client.query(
        `do $$ begin
           if coalesce(obj_description(${relation}::oid, 'pg_class'), 'Synced from ; read-only.') like 'Synced from %; read-only.%' then
             execute format('comment on table %s is %L', ${relation}::oid::regclass, ${literal(client, sourceComment(table))});
           end if; end $$`,
      );
      if (!table.change) await grantCreator(client, relation, table.createdBy);
    },
  };
}

function literal(client: pg.Client, text: string): string {
  return client.escapeLiteral(text);
}

/** The table with those of its extra indexes that the former one does not have: an index of that name stays as it is. */
export async function withNewIndexes({
  client,
  table,
  relation,
}: Pick<FormerTable, 'client' | 'table' | 'relation'>): Promise<SyncedTable> {
  const { rows } = await client.query<{ name: string }>(
    `select c.relname::text as name from pg_index x join pg_class c on c.oid = x.indexrelid where x.indrelid = $1`,
    [relation],
  );
  const there = new Set(rows.map(({ name }) => name));
  return { ...table, extraIndexes: table.extraIndexes.filter(({ name }) => !there.has(name)) };
}
