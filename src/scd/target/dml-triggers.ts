import type pg from 'pg';
import { quoteIdentifier, quoteLiteral } from '../../core/names.js';
import { allAuthored } from '../event/authored-values.js';
import { noOrder, orderAsJson, orderColumns, orderOfShown, orderRow } from '../event/sequence-order.js';
import { DELETES_COLUMN, EVENT_COLUMN, EVENT_ORDER } from '../event/staged-events.js';
import type { TargetLayout } from './target-layout.js';

/**
 * Lets users change the rows of a target (docs/reference/auto-cdc.md#changes-by-hand). The function runs with the
 * rights of databricks_sync, which owns the storage; rights on the view decide who may call it. It takes turns with
 * batches. Safe to repeat after a change of layout.
 */
export async function createDmlTriggers(client: pg.Client, layout: TargetLayout, targetId: string): Promise<void> {
  const name = `__db_system.${quoteIdentifier(`cdc_dml_${targetId}`)}`;
  await client.query(
    `create or replace function ${name}() returns trigger language plpgsql security definer set search_path = pg_catalog, pg_temp set row_security = on set standard_conforming_strings = on as ${quoteLiteral(body(layout, targetId))}`,
  );
  await client.query(`revoke execute on function ${name}() from public`);
  await client.query(`comment on function ${name}() is ${quoteLiteral(`Changes of ${layout.flow.fullName} by hand.`)}`);
  await client.query(
    `create or replace trigger autocdc_changes_by_hand instead of insert or update or delete on ${layout.view} for each row execute function ${name}()`,
  );
}

function body(layout: TargetLayout, targetId: string): string {
  const isKeyChanged = identity(layout)
    .map((column) => `new.${column} is distinct from old.${column}`)
    .join(' or ');
  return `
declare
  __autocdc_version bigint;
  __autocdc_at timestamptz;
begin
  -- From here on nobody else changes the target.
  select v.version, v.changed_at into __autocdc_version, __autocdc_at from synced_tables_internal._next_cdc_version(${quoteLiteral(targetId)}) v;
  if tg_op = 'UPDATE' and (new is not distinct from old) then
    return new;
  end if;
  if tg_op = 'UPDATE' and not (${isKeyChanged}) then
    ${updateInPlace(layout)}
    if not found then
      return null;
    end if;
    ${feed(layout, [
      { row: 'old', type: 'update_preimage' },
      { row: 'new', type: 'update_postimage' },
    ])}
    return new;
  end if;
  if tg_op <> 'INSERT' then
    ${deleteRow(layout)}
    if not found then
      return null;
    end if;
    ${feed(layout, [{ row: 'old', type: 'delete' }])}
  end if;
  if tg_op = 'DELETE' then
    return old;
  end if;
  ${checks(layout)}
  ${insertRow(layout)}
  if not found then
    raise exception using errcode = '23505', message = format('%s already has a row with this key', ${quoteLiteral(layout.flow.fullName)}),
      hint = 'Update that row instead.';
  end if;
  ${feed(layout, [{ row: 'new', type: 'insert' }])}
  return new;
end`;
}

/** The columns that identify a row: the keys, and for SCD type 2 the start. */
function identity({ keys, flow }: TargetLayout): string[] {
  return flow.scdType === 1 ? [...keys] : [...keys, '"__START_AT"'];
}

function checks({ keys, flow, order }: TargetLayout): string {
  const names = keys.map((key) => `new.${key} is null`).join(' or ');
  const key = `if ${names} then
    raise exception using errcode = '23502', message = format('a key column of %s is null', ${quoteLiteral(flow.fullName)}),
      hint = ${quoteLiteral(`Give ${flow.keyColumns.join(', ')}.`)};
  end if;`;
  if (flow.scdType === 1) return key;
  const row = (shown: string) => `(${orderOfShown(order, shown).join(', ')})`;
  return `${key}
  if new."__END_AT" is not null and ${row('new."__END_AT"')} <= ${row('new."__START_AT"')} then
    raise exception using errcode = '23514', message = format('__END_AT of a row of %s is not after its __START_AT', ${quoteLiteral(flow.fullName)});
  end if;`;
}

function insertRow(layout: TargetLayout): string {
  const { keys, data, columns, order, storage, flow, isPartial } = layout;
  const own = orderColumns(order, EVENT_ORDER);
  const values = columns.map((column) => `new.${column}`);
  if (flow.scdType === 1) {
    // Over a tombstone, the delete stays recorded: the next event of the key finds it.
    const state = isPartial ? ['__autocdc_kept_events'] : [];
    const authored = `jsonb_build_array(jsonb_build_object('q', ${orderAsJson(noOrder(order))}, 'v', ${allAuthored(flow, 'new')}))`;
    const assigned = [...data, '__autocdc_visible', ...state].map((column) => `${column} = excluded.${column}`);
    return `insert into ${storage} as s (${[...columns, '__autocdc_visible', ...state].join(', ')})
  values (${[...values, 'true', ...(isPartial ? [authored] : [])].join(', ')})
  on conflict (${keys.join(', ')}) do update set ${assigned.join(', ')} where not s.__autocdc_visible;`;
  }
  const start = orderOfShown(order, 'new."__START_AT"');
  const state = [
    ...own,
    ...orderColumns(order, 's'),
    ...orderColumns(order, 'e'),
    DELETES_COLUMN,
    '__autocdc_visible',
    '__autocdc_manual',
    ...(isPartial ? [EVENT_COLUMN] : []),
  ];
  const event = isPartial ? [`jsonb_build_object('v', ${allAuthored(flow, 'new')})`] : [];
  const stateValues = [...start, ...start, ...orderOfShown(order, 'new."__END_AT"'), 'false', 'true', 'true', ...event];
  const assigned = [...data, ...state].map((column) => `${column} = excluded.${column}`);
  return `insert into ${storage} as s (${[...columns, ...state].join(', ')}) values (${[...values, ...stateValues].join(', ')})
  on conflict (${[...keys, ...own].join(', ')}) do update set ${assigned.join(', ')} where not s.__autocdc_visible;`;
}

/** Writes only the columns that the statement changes: a batch may have changed the others since it began. */
function updateInPlace(layout: TargetLayout): string {
  const { data, order, storage, flow, isPartial } = layout;
  const assigned = data.map(
    (column) =>
      `${column} = case when new.${column} is distinct from old.${column} then new.${column} else s.${column} end`,
  );
  const changed = `(select coalesce(jsonb_object_agg(n.key, n.value), '{}') from jsonb_each(${allAuthored(flow, 'new')}) n
                     where n.value is distinct from ${allAuthored(flow, 'old')} -> n.key)`;
  if (flow.scdType === 1) {
    const authored = isPartial
      ? [
          `__autocdc_kept_events = synced_tables_internal._set_authored(s.__autocdc_kept_events, ${changed}, ${orderAsJson(noOrder(order))})`,
        ]
      : [];
    return `update ${storage} s set ${[...assigned, ...authored, '__autocdc_changed_at = clock_timestamp()'].join(', ')} where ${isVisibleRow(layout, 's')};`;
  }
  const event = isPartial
    ? [`${EVENT_COLUMN} = jsonb_set(s.${EVENT_COLUMN}, '{v}', (s.${EVENT_COLUMN} -> 'v') || ${changed})`]
    : [];
  const ends = orderColumns(order, 'e').map(
    (column, place) =>
      `${column} = case when s.__autocdc_visible and new."__END_AT" is distinct from old."__END_AT" then ${orderOfShown(order, 'new."__END_AT"')[place]} else s.${column} end`,
  );
  const marks = [
    '__autocdc_manual = s.__autocdc_manual or s.__autocdc_visible',
    '__autocdc_changed_at = clock_timestamp()',
  ];
  // The whole run changes: an event inside it with the old values would split it.
  return `${checks(layout)}
    update ${storage} s set ${[...assigned, ...event, ...ends, ...marks].join(', ')} where ${isOfRun(layout)};`;
}

function deleteRow(layout: TargetLayout): string {
  const { storage, flow } = layout;
  return `delete from ${storage} s where ${flow.scdType === 1 ? isVisibleRow(layout, 's') : isOfRun(layout)};`;
}

function isVisibleRow({ keys, order, flow }: TargetLayout, alias: string): string {
  const key = keys.map((column) => `${alias}.${column} = old.${column}`).join(' and ');
  if (flow.scdType === 1) return `${key} and ${alias}.__autocdc_visible`;
  const start = `(${orderOfShown(order, 'old."__START_AT"').join(', ')})`;
  return `${key} and ${alias}.__autocdc_visible and ${orderRow(order, 's', alias)} = ${start}`;
}

/** The visible row and the hidden events of its run. */
function isOfRun(layout: TargetLayout): string {
  const { keys, order, storage } = layout;
  const key = keys.map((column) => `s.${column} = old.${column}`).join(' and ');
  const start = `(${orderOfShown(order, 'old."__START_AT"').join(', ')})`;
  const own = orderRow(order, EVENT_ORDER, 's');
  return `${key} and not s.${DELETES_COLUMN} and ${own} >= ${start}
      and exists (select from ${storage} v where ${isVisibleRow(layout, 'v')} and ${own} <= ${orderRow(order, EVENT_ORDER, 'v')})`;
}

function feed(layout: TargetLayout, rows: readonly { row: 'old' | 'new'; type: string }[]): string {
  const { flow, columns } = layout;
  if (flow.changeFeedRetentionSeconds === null) return '';
  const shown = flow.scdType === 1 ? columns : [...columns, '"__START_AT"', '"__END_AT"'];
  const values = rows.map(
    ({ row, type }) =>
      `(${shown.map((column) => `${row}.${column}`).join(', ')}, '${type}', __autocdc_version, __autocdc_at)`,
  );
  return `insert into ${layout.feed} (${shown.join(', ')}, _change_type, _commit_version, _commit_timestamp) values ${values.join(', ')};`;
}
