import type { DuckDBConnection } from '@duckdb/node-api';
import { dataTypeText, type Field } from '../../core/data-type.js';
import { syncedTablesError } from '../../core/errors.js';
import { identifierList, quoteIdentifier } from '../../core/names.js';
import { findUnsupported } from '../../core/postgres-type.js';
import { engineSyntaxReason } from '../../core/reasons/engine-reason.js';
import type { ChangesOptions } from '../changes/change-relation.js';
import { type RowCondition, rowCondition } from '../dialect/row-condition.js';
import { columnNamesOf, RowExpressionError } from '../dialect/row-expression.js';
import type { Engine } from '../engine/duckdb-engine.js';
import { nullOf } from '../parquet/project-column.js';
import type { ReadHint } from '../read-hint.js';
import type { SourceDescription } from '../source-snapshot.js';

/** The part of a source table that is wanted. */
export interface Choice {
  /** Names of columns; null for all of them. */
  readonly columns: readonly string[] | null;
  /** Further columns, if they are there. */
  readonly besides: readonly string[];
  /** An expression of the lakehouse's SQL over any columns of the source; null for all rows. */
  readonly rowFilter: string | null;
  /** See `ReadHint.isProof`. */
  readonly isProof?: boolean;
}

/** What a choice is held against. */
type ChosenSource = Pick<SourceDescription, 'tableName' | 'columns'>;

/** A choice, held against the columns that a source has at one version. */
export interface ResolvedChoice {
  /** The columns that are wanted. */
  readonly columns: readonly Field[];
  /** Null for all rows. */
  readonly condition: RowCondition | null;
}

/** What has to be read for some columns of a choice: these, and those that the condition names. */
export function hintOf({ columns, condition }: ResolvedChoice): ReadHint {
  const needed = new Set([...columns, ...(condition?.columns ?? [])].map((field) => field.name));
  return { columns: [...needed], condition };
}

/** Schemas that a choice was held against which are remembered: that of snapshots, and that of changes. */
const RESOLVED_KEPT = 2;

/** Holds a choice against a source; what was found is kept for as long as its columns stay the same. */
export class ChoiceResolver {
  readonly #choice: Choice;
  readonly #kept = new Map<string, ResolvedChoice>();
  #filterNames: ReadonlySet<string> | null = null;

  constructor(choice: Choice) {
    this.#choice = choice;
  }

  /** @throws CHOSEN_COLUMN_NOT_FOUND, ROW_FILTER_INVALID */
  async resolve(engine: Engine, source: ChosenSource): Promise<ResolvedChoice> {
    const columns = JSON.stringify(source.columns);
    const kept = this.#kept.get(columns);
    if (kept) return kept;
    const resolved = await resolveChoice(engine, source, this.#choice);
    this.#kept.set(columns, resolved);
    for (const [oldest] of this.#kept) if (this.#kept.size > RESOLVED_KEPT) this.#kept.delete(oldest);
    return resolved;
  }

  /**
   * What changes have to be asked for, before it is known which columns there are.
   * @throws ROW_FILTER_INVALID
   */
  async columnsOfChanges(
    engine: Engine,
    tableName: string,
  ): Promise<Pick<ChangesOptions, 'neededColumns' | 'requiredColumns'>> {
    const { columns, besides, rowFilter } = this.#choice;
    if (this.#filterNames === null && rowFilter !== null) {
      this.#filterNames = await explained(tableName, engine, (connection) => columnNamesOf(connection, rowFilter));
    }
    const ofFilter = [...(this.#filterNames ?? [])];
    if (columns === null) return { requiredColumns: ofFilter };
    const needed = [...columns, ...besides, ...ofFilter];
    return { neededColumns: needed, requiredColumns: needed };
  }
}

async function resolveChoice(engine: Engine, source: ChosenSource, choice: Choice): Promise<ResolvedChoice> {
  const columns = chosenColumns(source, choice);
  const condition = choice.rowFilter === null ? null : await readFilter(engine, source, choice.rowFilter);
  return { columns, condition };
}

/** In the order of the source. */
function chosenColumns({ tableName, columns }: ChosenSource, choice: Choice): readonly Field[] {
  const chosen = choice.columns;
  if (chosen === null) return columns;
  const missing = chosen.find((name) => !columns.some((field) => field.name === name));
  if (missing !== undefined) {
    const names = columns.map((field) => field.name).join(', ');
    throw syncedTablesError('CHOSEN_COLUMN_NOT_FOUND', { table: tableName, column: missing, columns: names });
  }
  return columns.filter(({ name }) => chosen.includes(name) || choice.besides.includes(name));
}

async function readFilter(engine: Engine, { tableName, columns }: ChosenSource, text: string): Promise<RowCondition> {
  return explained(tableName, engine, (connection) => rowCondition(connection, text, { columns, nullRow }));
}

async function explained<Result>(
  table: string,
  engine: Engine,
  read: (connection: DuckDBConnection) => Promise<Result>,
): Promise<Result> {
  const connection = await engine.connect();
  try {
    return await read(connection);
  } catch (error) {
    const reason = error instanceof RowExpressionError ? told(error) : engineSyntaxReason(error);
    throw reason === null ? error : syncedTablesError('ROW_FILTER_INVALID', { table, reason }, error);
  } finally {
    connection.closeSync();
  }
}

function told({ message, position }: RowExpressionError): string {
  const reason = message.replace(/\.$/, '');
  return position === null ? reason : `${reason} (at character ${position})`;
}

/** A row of nulls in the types of the columns. */
function nullRow(columns: readonly Field[]): string {
  const unreadable = columns.find((field) => findUnsupported(field.type) !== null);
  if (unreadable) {
    const type = findUnsupported(unreadable.type) ?? dataTypeText(unreadable.type);
    throw new RowExpressionError(`column "${unreadable.name}" has type ${type}, which cannot be read`);
  }
  return `select ${columns.map((field) => `${nullOf(field.type)} as ${quoteIdentifier(field.name)}`).join(', ') || 'null as nothing'}`;
}

/** The wanted columns of the wanted rows of a SELECT that has at least the needed ones; `others` are kept beside. */
export function chosenSelect(
  select: string,
  { columns, condition }: ResolvedChoice,
  others: readonly string[] = [],
): string {
  const names = identifierList([...columns.map((field) => field.name), ...others]);
  const where = condition === null ? '' : ` where (${condition.sql})`;
  return `select ${names} from (${select}) _chosen${where}`;
}
