import { asSyncedTablesError, syncedTablesError } from '../../../core/errors.js';
import type { Browsed, SourceTable } from '../../../core/source-browser.js';
import { isSourceNamePart } from '../../../core/source-name.js';
import type { ApiContext } from '../../places/api-context.js';
import type { Caller } from '../../places/caller.js';
import { askSource } from '../../synced-tables/ask-source.js';
import { exactNumberOf } from '../../wire/wire-fields.js';
import { findingOf } from './source-reply.js';
import type { SourceSummary } from './source-schema.js';
import { readSourceUses } from './source-uses.js';

const PAGE_SIZE = 50;
const LOOKS_AT_ONCE = 4;
/** Reading a log takes milliseconds, or seconds in a slow store: what is left after this time is listed by name. */
const LOOKS_MS_MAX = 5_000;

export interface SourceListRequest {
  readonly catalog: string;
  readonly schema: string;
  readonly pageSize: number | undefined;
  readonly pageToken: string | undefined;
}

/**
 * One page of the tables of a schema, each as far as its metadata tells.
 * @throws CATALOG_DOES_NOT_EXIST, SCHEMA_DOES_NOT_EXIST, SOURCE_CATALOG_SLOW, and what browsing the catalog throws
 */
export async function listSources(
  context: ApiContext,
  caller: Caller,
  request: SourceListRequest,
): Promise<{ readonly sources: SourceSummary[]; readonly next: string | null }> {
  const { catalog, schema } = request;
  const { items, next } = await askSource(catalog, () => browsePage(context, request));
  const nameOf = ({ table }: SourceTable) => `${catalog}.${schema}.${table}`;
  const uses = await readSourceUses(context, caller, items.map(nameOf));
  const deadline = performance.now() + LOOKS_MS_MAX;
  const sources: SourceSummary[] = [];
  for (let start = 0; start < items.length; start += LOOKS_AT_ONCE) {
    const some = items.slice(start, start + LOOKS_AT_ONCE);
    const timeLeft = deadline - performance.now();
    const looked = await Promise.all(
      some.map((item) => (timeLeft > 0 ? lookAt(context, nameOf(item)) : Promise.resolve(NOT_LOOKED_AT))),
    );
    for (const [place, item] of some.entries()) {
      const name = nameOf(item);
      const known = { name, schema, table: item.table, format: item.format, synced_tables: uses.get(name) ?? 0 };
      sources.push({ ...known, ...(looked[place] ?? NOT_LOOKED_AT) });
    }
  }
  return { sources, next };
}

async function browsePage(context: ApiContext, request: SourceListRequest): Promise<Browsed<SourceTable>> {
  const { catalog, schema } = request;
  const browser = context.sources.browser(catalog);
  if (browser === null) throw syncedTablesError('CATALOG_DOES_NOT_EXIST', { catalog, meant: '' });
  if (!isSourceNamePart(schema) || !(await browser.hasSchema(schema))) {
    throw syncedTablesError('SCHEMA_DOES_NOT_EXIST', { schema: `${catalog}.${schema}` });
  }
  const size = Math.min(request.pageSize || PAGE_SIZE, 2 * PAGE_SIZE);
  return browser.tables(schema, { size, token: request.pageToken || null, columns: false });
}

type Look = Pick<SourceSummary, 'is_looked_at' | 'version' | 'size_bytes' | 'change_feed' | 'problem'>;

const NOT_LOOKED_AT: Look = {
  is_looked_at: false,
  version: null,
  size_bytes: null,
  change_feed: null,
  problem: null,
};

/** A table that cannot be read stays in the list, with the reason. */
async function lookAt(context: ApiContext, name: string): Promise<Look> {
  try {
    const { details } = await context.sources.describe(name);
    const { version, sizeBytes, hasChangeFeed } = details.snapshot;
    return {
      is_looked_at: true,
      version: exactNumberOf(version),
      size_bytes: exactNumberOf(sizeBytes ?? null),
      change_feed: hasChangeFeed ?? null,
      problem: null,
    };
  } catch (error) {
    const known = asSyncedTablesError(error);
    if (!known) throw error;
    return { ...NOT_LOOKED_AT, is_looked_at: true, problem: findingOf(known) };
  }
}
