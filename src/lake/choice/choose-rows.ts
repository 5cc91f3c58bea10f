import { type ChangeFeed, type ChangeRelation, type ChangesOptions, changeFields } from '../changes/change-relation.js';
import type { Engine } from '../engine/duckdb-engine.js';
import type { LakeTable } from '../lake-table.js';
import type { PartPass, Relation, RemoteParts } from '../relation/relation.js';
import type { SourceSnapshot } from '../source-snapshot.js';
import { type Choice, ChoiceResolver, chosenSelect, hintOf, type ResolvedChoice } from './choice.js';

/** A snapshot with the chosen columns alone. */
interface ChosenSnapshot extends SourceSnapshot {
  /** The snapshot as the table itself has it. */
  readonly whole: SourceSnapshot;
}

/**
 * The table that some columns and rows of another one make, of whatever kind that is: its snapshots are the chosen rows
 * of the other's, and its changes those of the chosen rows. A row that no longer fulfils the filter is deleted from it,
 * one that begins to is inserted, and of several rows of a key those that do not fulfil it do not exist.
 *
 * Its methods throw CHOSEN_COLUMN_NOT_FOUND and ROW_FILTER_INVALID if the choice does not fit the columns of the table.
 */
export function chooseRows(lakeTable: LakeTable, choice: Choice): LakeTable {
  const resolver = new ChoiceResolver(choice);
  const { name, engine, whileAnswering, declared, changeFeed, whyWithoutChanges } = lakeTable;
  return {
    name,
    engine,
    whileAnswering,
    ...(declared ? { declared } : {}),
    ...(whyWithoutChanges ? { whyWithoutChanges } : {}),
    async snapshot(version) {
      const whole = await lakeTable.snapshot(version);
      return chosenSnapshot(whole, await resolver.resolve(engine, whole));
    },
    async describe() {
      const described = await lakeTable.describe();
      return { ...described, columns: (await resolver.resolve(engine, described)).columns };
    },
    details: () => lakeTable.details(),
    async openRelation(snapshot, parts) {
      // Callers pass back only snapshots of this same table; some leave out columns that they do not need.
      const { whole, columns } = snapshot as ChosenSnapshot;
      const wanted = { ...(await resolver.resolve(engine, whole)), columns };
      const hint = { ...hintOf(wanted), isProof: choice.isProof === true };
      return chosenRelation(await lakeTable.openRelation(whole, parts, hint), wanted);
    },
    readBy: (other, rowsAtOnce) => chooseRows(lakeTable.readBy(other, rowsAtOnce), choice),
    changeFeed: changeFeed && chosenFeed(changeFeed, { lakeTable, resolver }),
  };
}

/** Everything else that the table says of itself stays: its position, and what tells it from another. */
function chosenSnapshot(whole: SourceSnapshot, { columns, condition }: ResolvedChoice): ChosenSnapshot {
  return { ...whole, columns, rowCount: condition === null ? whole.rowCount : null, whole };
}

function chosenRelation(whole: Relation, choice: ResolvedChoice): Relation {
  const { slices, remote, files } = whole;
  const select = (part: string) => chosenSelect(part, choice, slices ? [slices.rowNumber] : []);
  return {
    parts: whole.parts.map(select),
    rowCount: choice.condition === null ? whole.rowCount : null,
    ...(files ? { files } : {}),
    ...(whole.filesRead ? { filesRead: whole.filesRead } : {}),
    ...(slices ? { slices } : {}),
    ...(remote ? { remote: chosenParts(remote, select) } : {}),
    ...(whole.requireUnchanged ? { requireUnchanged: async () => whole.requireUnchanged?.() } : {}),
    [Symbol.asyncDispose]: () => whole[Symbol.asyncDispose](),
  };
}

function chosenParts(remote: RemoteParts, select: (part: string) => string): RemoteParts {
  return {
    fitsSpool: remote.fitsSpool,
    ...(remote.isStreamed ? { isStreamed: true } : {}),
    requireFit: () => remote.requireFit(),
    begin(signal, holdsAll) {
      const pass: PartPass = remote.begin(signal, holdsAll);
      return {
        async next() {
          const part = await pass.next();
          return (
            part && {
              select: select(part.select),
              files: part.files,
              [Symbol.asyncDispose]: () => part[Symbol.asyncDispose](),
            }
          );
        },
        [Symbol.asyncDispose]: () => pass[Symbol.asyncDispose](),
      };
    },
  };
}

interface ChosenSource {
  readonly lakeTable: LakeTable;
  readonly resolver: ChoiceResolver;
}

function chosenFeed(feed: ChangeFeed, source: ChosenSource): ChangeFeed {
  return {
    refusal: async () => (await feed.refusal?.()) ?? null,
    newestVersion: (after) => feed.newestVersion(after),
    isSameCommit: (bookmark) => feed.isSameCommit(bookmark),
    commitIdentity: (version) => feed.commitIdentity(version),
    committedAtMs: (version) => feed.committedAtMs(version),
    bookmark: (version) => feed.bookmark(version),
    watch: (onHint) => feed.watch(onHint),
    changes: (options) => openChosenChanges(feed, source, options),
  };
}

async function openChosenChanges(
  feed: ChangeFeed,
  { lakeTable, resolver }: ChosenSource,
  options: ChangesOptions,
): Promise<ChangeRelation> {
  const { engine } = lakeTable;
  const whole = await feed.changes({ ...options, ...(await resolver.columnsOfChanges(engine, lakeTable.name)) });
  try {
    return chosenChanges(whole, await resolver.resolve(engine, whole.end), engine);
  } catch (error) {
    await whole[Symbol.asyncDispose]();
    throw error;
  }
}

function chosenChanges(whole: ChangeRelation, choice: ResolvedChoice, engine: Engine): ChangeRelation {
  const { columns, condition } = choice;
  const select = (changes: string) =>
    chosenSelect(
      changes,
      choice,
      changeFields.map((field) => field.name),
    );
  return {
    from: whole.from,
    to: whole.to,
    end: { ...whole.end, columns },
    schemaChanges: whole.schemaChanges,
    ...(whole.copyReason === undefined ? {} : { copyReason: whole.copyReason }),
    isChangeFeed: whole.isChangeFeed,
    fileCount: whole.fileCount,
    fileBytes: whole.fileBytes,
    bookmark: whole.bookmark,
    files: whole.files,
    select: select(whole.select),
    fetch: () => whole.fetch(),
    countRows: () => (condition === null ? whole.countRows() : countChosen(whole, select(whole.select), engine)),
    // Whether a feed is right does not depend on which of its rows are wanted.
    ...(whole.isFew && condition === null ? { isFew: true } : {}),
    contradictions: (balance) => whole.contradictions(balance),
    collapse: (options) => whole.collapse({ ...options, chosen: { columns, select } }),
    ...(whole.requireUnchanged ? { requireUnchanged: async () => whole.requireUnchanged?.() } : {}),
    [Symbol.asyncDispose]: () => whole[Symbol.asyncDispose](),
  };
}

/** Footers say nothing of the chosen rows: many changes of others are no reason to copy the table. */
async function countChosen(whole: ChangeRelation, select: string, engine: Engine): Promise<bigint> {
  if ((await whole.countRows()) === 0n) return 0n;
  await whole.fetch();
  const connection = await engine.connect();
  try {
    const counted = await connection.runAndReadAll(`select count(*)::varchar from (${select})`);
    return BigInt(String(counted.getRowsJson()[0]?.[0]));
  } finally {
    connection.closeSync();
  }
}
