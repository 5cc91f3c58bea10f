import type pg from 'pg';
import { INSTALLER_ROLE } from './installer.js';

/** A numbered file that a database has run. */
interface AppliedMigration {
  readonly id: number;
  readonly name: string;
  readonly hash: string;
}

/** What is installed in a database. */
export interface InstalledSchema {
  /** In order; number 0 is the table of migrations itself. */
  readonly applied: readonly AppliedMigration[];
  /** The release whose functions, views and triggers are there; empty before they were applied for the first time. */
  readonly release: string;
  readonly layerHash: string;
  /** Number of the newest file that older sidecars cannot work with; 0 when there is none. */
  readonly newestBreaking: number;
}

type Queryable = Pick<pg.ClientBase, 'query'>;

/** What the database has; null when it was never migrated, or when the role may not look. */
export async function readInstalledSchema(client: Queryable): Promise<InstalledSchema | null> {
  const readable = await readableTables(client, ['migrations', '_schema']);
  if (!readable.has('migrations')) return null;
  const { rows: applied } = await client.query<AppliedMigration>(
    'select id, name, hash from synced_tables.migrations order by id',
  );
  const { rows } = readable.has('_schema')
    ? await client.query<Omit<InstalledSchema, 'applied'>>(
        `select release, layer_hash as "layerHash", newest_breaking as "newestBreaking" from synced_tables._schema`,
      )
    : { rows: [] };
  return { applied, release: '', layerHash: '', newestBreaking: 0, ...rows[0] };
}

async function readableTables(client: Queryable, tables: readonly string[]): Promise<ReadonlySet<string>> {
  const { rows } = await client.query<{ name: string }>(
    // A schema that is neither a superuser's nor the installer's is not ours, whatever is in it.
    `select c.relname as name
       from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
       join pg_catalog.pg_roles s on s.oid = n.nspowner and (s.rolsuper or s.rolname = '${INSTALLER_ROLE}')
       join pg_catalog.pg_roles r on r.oid = c.relowner and (r.rolsuper or r.rolname = '${INSTALLER_ROLE}')
      where n.nspname = 'synced_tables' and c.relname = any ($1)
        and pg_catalog.has_schema_privilege(n.oid, 'usage') and pg_catalog.has_table_privilege(c.oid, 'select')`,
    [tables],
  );
  return new Set(rows.map(({ name }) => name));
}

/** Number of the newest numbered file that older sidecars cannot work with; 0 when there is none. */
export async function readNewestBreaking(client: Queryable): Promise<number> {
  const { rows } = await client.query<{ newest: number }>(
    'select newest_breaking as newest from synced_tables._schema',
  );
  return rows[0]?.newest ?? 0;
}

/**
 * Orders releases as semver.org does, as far as our own go: 1.2.3, and 1.2.3-beta.4 before 1.2.3.
 * @returns below 0 when `a` is the older one; what cannot be read is older than everything
 */
export function compareReleases(a: string, b: string): number {
  const [left, right] = [parseRelease(a), parseRelease(b)];
  for (let place = 0; place < 3; place += 1) {
    const difference = (left.numbers[place] ?? -1) - (right.numbers[place] ?? -1);
    if (difference !== 0) return difference;
  }
  if (left.suffix === right.suffix) return 0;
  if (left.suffix === '' || right.suffix === '') return left.suffix === '' ? 1 : -1;
  return left.suffix.localeCompare(right.suffix, 'en', { numeric: true });
}

function parseRelease(release: string): { numbers: number[]; suffix: string } {
  const [, numbers = '', suffix = ''] = /^(\d+\.\d+\.\d+)(?:-([\w.]+))?/.exec(release) ?? [];
  return { numbers: numbers === '' ? [] : numbers.split('.').map(Number), suffix };
}
