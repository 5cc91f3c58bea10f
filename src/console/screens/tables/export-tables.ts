import type { TableListReply } from '../../../api/native/tables/table-list-schema.js';
import type { TableSummary } from '../../../api/native/tables/table-summary-schema.js';
import { call } from '../../data/request.js';

const COLUMNS = [
  'name',
  'source',
  'kind',
  'policy',
  'state',
  'condition',
  'lag_seconds',
  'lag_versions',
  'row_count',
  'size_bytes',
  'last_sync_at',
] as const satisfies readonly (keyof TableSummary)[];

/** Gives the browser a file of all tables of a filtered list. @param path of the list, with its filter */
export async function exportTables(path: string, form: 'csv' | 'json'): Promise<void> {
  const tables = await readAll(path);
  const text = form === 'json' ? JSON.stringify(tables, null, 2) : csvText(tables);
  const type = form === 'json' ? 'application/json' : 'text/csv';
  const url = URL.createObjectURL(new Blob([text], { type }));
  const link = document.createElement('a');
  link.href = url;
  link.download = `tables.${form}`;
  link.click();
  URL.revokeObjectURL(url);
}

async function readAll(path: string): Promise<TableSummary[]> {
  const tables: TableSummary[] = [];
  let token: string | undefined;
  do {
    const [base = '', text = ''] = path.split('?');
    const query = new URLSearchParams(text);
    query.set('page_size', '1000');
    if (token !== undefined) query.set('page_token', token);
    const reply = await call<TableListReply>(`${base}?${query}`);
    tables.push(...reply.tables);
    token = reply.next_page_token;
  } while (token !== undefined);
  return tables;
}

function csvText(tables: readonly TableSummary[]): string {
  const lines = tables.map((table) => COLUMNS.map((column) => csvField(table[column])).join(','));
  return `${[COLUMNS.join(','), ...lines].join('\r\n')}\r\n`;
}

/** A leading sign would make a formula of a name in a spreadsheet. */
function csvField(value: string | number | null): string {
  const text = String(value ?? '');
  const safe = typeof value === 'string' && /^[=+\-@\t]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
