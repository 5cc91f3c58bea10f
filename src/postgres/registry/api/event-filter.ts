import { syncedTablesError } from '../../../core/errors.js';

/** A condition on events as SQL over alias `e`, with its parameter values. */
export interface EventCondition {
  readonly sql: string;
  readonly values: readonly unknown[];
}

const CONDITION =
  /^\s*(?<field>level|id|update_id|timestamp)\s*(?:(?<operator>=|<>|!=|>=|<=|>|<)\s*'(?<value>[^']*)'|(?<in>in)\s*\((?<list>\s*'[^']*'(?:\s*,\s*'[^']*')*\s*)\))\s*(?:\band\b|$)/i;

/**
 * Translates the filter of the events list (docs/reference/databricks-api.md#pipelines-service): `level='ERROR'`,
 * `level in ('INFO', 'WARN')`, `id='12'`, `update_id='…'`, `timestamp > '2026-01-01T00:00:00Z'`, combined with AND.
 * @param first number of the first SQL parameter
 * @throws REQUEST_INVALID
 */
export function eventCondition(filter: string, first: number): EventCondition {
  const parts: string[] = [];
  const values: unknown[] = [];
  const parameter = (value: string) => `$${first + values.push(value) - 1}`;
  for (let rest = filter.trim(); rest !== ''; ) {
    const match = CONDITION.exec(rest);
    const groups = match?.groups;
    if (!match || !groups) throw invalid(rest);
    const field = (groups.field ?? '').toLowerCase();
    const given = groups.list?.match(/'[^']*'/g)?.map((text) => text.slice(1, -1)) ?? [groups.value ?? ''];
    const operator = groups.in ? 'in' : (groups.operator ?? '=').replace('!=', '<>');
    parts.push(condition(field, operator, given, parameter));
    rest = rest.slice(match[0].length);
    if (/\band\s*$/i.test(match[0]) && rest.trim() === '') throw invalid(match[0]);
  }
  return { sql: parts.length === 0 ? 'true' : parts.join(' and '), values };
}

const COLUMNS: Readonly<Record<string, string>> = {
  level: 'e.level',
  id: 'e.event_id::text',
  update_id: 'e.update_id::text',
};
const LEVELS: ReadonlySet<string> = new Set(['INFO', 'WARN', 'ERROR', 'METRICS']);

function condition(
  field: string,
  operator: string,
  given: readonly string[],
  parameter: (value: string) => string,
): string {
  if (field === 'timestamp') {
    const [value = ''] = given;
    const hasWrongTime = given.length !== 1 || operator === 'in' || Number.isNaN(Date.parse(value));
    if (hasWrongTime) throw invalid(`timestamp ${operator} '${value}'`);
    return `e.occurred_at ${operator} ${parameter(new Date(value).toISOString())}::timestamptz`;
  }
  if (!['=', '<>', 'in'].includes(operator)) throw invalid(`${field} ${operator}`);
  if (field === 'level' && !given.every((value) => LEVELS.has(value))) throw invalid(`level ${operator} ${given}`);
  const column = COLUMNS[field] ?? 'e.event_id::text';
  const list = given.map(parameter).join(', ');
  return operator === '<>' ? `${column} <> ${list}` : `${column} in (${list})`;
}

function invalid(part: string) {
  return syncedTablesError('REQUEST_INVALID', {
    reason: `filter: "${part.trim().slice(0, 60)}" is not level, id, update_id or timestamp compared with a quoted value`,
  });
}
