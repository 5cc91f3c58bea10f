import { randomUUID } from 'node:crypto';
import { syncedTablesError } from '../../../core/errors.js';
import { type ChangeRelation, changeFields } from '../../changes/change-relation.js';
import { collapseChanges } from '../../changes/collapse-changes.js';
import { checkFiles, requireSameFiles } from '../../data-files/check-files.js';
import { namingDamagedFile } from '../../data-files/name-damage.js';
import type { DeltaTableOptions } from '../delta-table-options.js';
import type { Commit } from '../log/commit-tail.js';
import { hasChangeFeed } from '../schema/table-layout.js';
import { auditFeed } from './audit-feed.js';
import { fetchedChangeFiles, localChangeFiles } from './change-files.js';
import { LazySchema } from './lazy-schema.js';
import type { ChangeFile, ChangePlan } from './plan-changes.js';
import { ChangeVectors } from './side-tables.js';

export interface OpenChangeRelationOptions extends DeltaTableOptions {
  readonly plan: ChangePlan;
  /** What the plan was made from. */
  readonly commits: readonly Commit[];
  readonly from: bigint;
  readonly to: bigint;
  /** May be made while footers are read. */
  readonly bookmark: string | Promise<string>;
}

/** Makes planned changes readable; files are checked before any row is read. */
export async function openChangeRelation(options: OpenChangeRelationOptions): Promise<ChangeRelation> {
  const { engine, store, root, tableName, plan, from, to, partitionTimeZone } = options;
  refuseReservedNames(options);
  const checking = checkFiles(
    store,
    plan.files.map(({ file, version }) => ({ file, version })),
    {
      tableName,
      missing: 'DELTA_CHANGE_FILE_MISSING',
    },
  );
  checking.catch(() => {});
  const connection = await engine.connect();
  const schema = new LazySchema(connection, `changes_${randomUUID().replaceAll('-', '')}`);
  try {
    const stats = await checking;
    const vectors = new ChangeVectors({ store, root, tableName });
    const { layout, columns, files } = plan;
    const footers = { connection, store, tableName, scratchFolder: engine.scratchFolder, spool: options.spool };
    const reading = { ...footers, schema, layout, columns, files, vectors, partitionTimeZone, stats };
    const source = store.download ? await fetchedChangeFiles(reading) : await localChangeFiles(reading);
    const fileBytes = sizeOf(files);
    const isOneVersion = new Set(files.map(({ version }) => version)).size <= 1;
    const fileCount = new Set(files.map((change) => change.file.path)).size;
    const bookmark = await options.bookmark;
    const readInPlace = new Map(stats);
    for (const { path, stat } of options.commits) readInPlace.set(path, stat);
    let collapsed = 0;
    return {
      ...(store.download ? {} : { requireUnchanged: () => requireSameFiles(store, readInPlace) }),
      from,
      to,
      end: endSnapshot(options),
      schemaChanges: plan.schemaChanges,
      isChangeFeed: plan.isChangeFeed,
      fileCount,
      fileBytes,
      bookmark,
      files: source.files,
      select: source.sql,
      isFew: isOneVersion && source.isFew,
      fetch: () => source.fetch(),
      countRows: () => source.countRows(),
      async contradictions(balance) {
        const [first, ...others] = plan.recorded;
        if (first === undefined) return [];
        if (balance !== undefined && others.length === 0)
          return auditFeed(footers, [first], new Map([[first.version, balance]]));
        await source.unpack();
        return auditFeed(footers, plan.recorded, source.recorded);
      },
      async collapse(collapseOptions) {
        const select = await source.unpack();
        await schema.make();
        const keysTable = `${schema.name}.c${collapsed++}_keys`;
        return namingDamagedFile(connection, tableName, source.files, () =>
          collapseChanges(connection, { select, columns, keysTable, isOneVersion }, collapseOptions),
        );
      },
      async [Symbol.asyncDispose]() {
        try {
          await schema[Symbol.asyncDispose]();
        } finally {
          connection.closeSync();
        }
      },
    };
  } catch (error) {
    await schema[Symbol.asyncDispose]();
    connection.closeSync();
    throw error;
  }
}

/** Names of the change fields; Delta forbids them as columns where the feed is on. */
function refuseReservedNames({ plan, tableName }: OpenChangeRelationOptions): void {
  const reserved = changeFields.map((field) => field.name);
  const taken = plan.layout.columns.find((column) => reserved.includes(column.name.toLowerCase()));
  if (!taken) return;
  const feature = `changes of a table with a column named "${taken.name}"`;
  throw syncedTablesError('DELTA_UNSUPPORTED_FEATURE', { table: tableName, feature });
}

function endSnapshot({ plan, tableName, to }: OpenChangeRelationOptions): ChangeRelation['end'] {
  return {
    tableName,
    version: to,
    committedAtMs: plan.committedAtMs,
    tableId: plan.metadata.id,
    columns: plan.columns,
    rowCount: null,
    hasChangeFeed: hasChangeFeed(plan.metadata.configuration),
  };
}

function sizeOf(files: readonly ChangeFile[]): bigint {
  const sizes = new Map(files.map(({ file }) => [file.path, file.sizeBytes ?? 0]));
  return [...sizes.values()].reduce((sum, size) => sum + BigInt(size), 0n);
}
