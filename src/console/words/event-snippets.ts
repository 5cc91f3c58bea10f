import { postgresTableName } from '../../core/names.js';
import { commandText, type SnippetPlace } from './act-snippets.js';
import { callSnippets, quoteLiteral, quoteShell } from './quoting.js';
import type { Snippets } from './snippets.js';

const EVENTS = '/api/2.0/synced-tables/events';
/** What words are looked for in, as the API does. */
const TEXT = `lower(concat_ws(' ', message, synced_table, event_type, pipeline_id, update_id, details))`;

/** A list of events elsewhere. @param filter as the call takes it */
export function eventSnippets(place: SnippetPlace, filter: URLSearchParams): Snippets {
  const text = filter.toString();
  const around = filter.get('around');
  const call = callSnippets(place.server, { method: 'GET', path: `${EVENTS}${text === '' ? '' : `?${text}`}` });
  if (around !== null) return call;
  const table = sqlNameOf(filter.get('table'));
  const equals = (column: string, field: string) => {
    const value = filter.get(field);
    return value === null ? [] : [`${column} = ${quoteLiteral(value)}`];
  };
  const conditions = [
    ...(table === null ? [] : [`synced_table = ${quoteLiteral(table)}`]),
    ...equals('pipeline_id', 'pipeline'),
    ...equals('update_id', 'update'),
    ...equals('level', 'level'),
    ...equals('event_type', 'type'),
    ...equals('occurred_at', 'from').map((condition) => condition.replace(' = ', ' >= ')),
    ...equals('occurred_at', 'to').map((condition) => condition.replace(' = ', ' < ')),
    ...(filter.get('q') ?? '')
      .split(/\s+/)
      .filter((word) => word !== '')
      .map((word) => `strpos(${TEXT}, lower(${quoteLiteral(word)})) > 0`),
  ];
  const where = conditions.length === 0 ? '' : `\n WHERE ${conditions.join('\n   AND ')}`;
  // The command line filters by table alone.
  const others = [...filter.keys()].filter((field) => field !== 'table' && field !== 'instance');
  return {
    SQL: `SELECT * FROM synced_tables.events${where}\n ORDER BY event_id DESC LIMIT 100;`,
    ...(others.length > 0
      ? {}
      : { CLI: commandText(place, 'events', ...(table === null ? [] : [quoteShell(table)]), '--limit 100') }),
    ...call,
  };
}

/** A three-part name as SQL has it; null for what is none. */
function sqlNameOf(name: string | null): string | null {
  const [, schema, table, more] = name?.split('.') ?? [];
  return schema === undefined || table === undefined || more !== undefined ? null : postgresTableName(schema, table);
}
