import type { DuckDBConnection } from '@duckdb/node-api';
import { expect } from 'vitest';
import type { Field } from '../../src/core/data-type.js';
import { identifierList, quoteIdentifier, quoteLiteral } from '../../src/core/names.js';
import { ChoiceResolver, chosenSelect } from '../../src/lake/choice/choice.js';
import { chooseRows } from '../../src/lake/choice/choose-rows.js';
import type { LakeTable } from '../../src/lake/lake-table.js';
import type { FilesRead } from '../../src/lake/relation/relation.js';
import { holdWhole } from '../../src/lake/relation/relation-pass.js';
import type { SourceSnapshot } from '../../src/lake/source-snapshot.js';

/** Types that conditions can be written about without more ado, by what a condition calls them. */
const TYPES: Readonly<Record<string, string>> = {
  long: 'bigint',
  integer: 'int',
  short: 'smallint',
  byte: 'tinyint',
  string: 'string',
  date: 'date',
  timestamp: 'timestamp',
  timestamp_ntz: 'timestamp_ntz',
};

/** A table, and all its rows in a table of the engine, which were read without any filter. */
export class FilteredRows {
  readonly #table: LakeTable;
  readonly #connection: DuckDBConnection;
  readonly snapshot: SourceSnapshot;

  private constructor(table: LakeTable, connection: DuckDBConnection, snapshot: SourceSnapshot) {
    this.#table = table;
    this.#connection = connection;
    this.snapshot = snapshot;
  }

  /** @param connection of the table's engine; holds the temporary table `all_rows` from here on */
  static async read(table: LakeTable, connection: DuckDBConnection): Promise<FilteredRows> {
    const snapshot = await table.snapshot();
    await using whole = await table.openRelation(snapshot, 1);
    await using held = await holdWhole(whole);
    await connection.run(`create or replace temp table all_rows as ${held.select}`);
    return new FilteredRows(table, connection, snapshot);
  }

  /** Reads the rows of a filter by itself, and compares them with those that it has among all. */
  async expectEqual(rowFilter: string, where: string): Promise<{ filesRead: FilesRead | null; rows: number }> {
    const choice = { columns: null, besides: [], rowFilter };
    const names = identifierList(this.snapshot.columns.map(({ name }) => name));
    const resolved = await new ChoiceResolver(choice).resolve(this.#table.engine, this.snapshot);
    const wanted = await this.#rows(
      `select ${names} from (${chosenSelect('select * from all_rows', resolved)}) order by all`,
    );
    const chosen = chooseRows(this.#table, choice);
    await using relation = await chosen.openRelation(await chosen.snapshot(), 2);
    await using part = await holdWhole(relation);
    const found = await this.#rows(`select ${names} from (${part.select}) order by all`);
    expect(found, `${where}: ${rowFilter}`).toEqual(wanted);
    return { filesRead: relation.filesRead ?? null, rows: wanted.length };
  }

  /** Conditions about values of some columns: of each the least, one from the middle, and the greatest. */
  async conditions(columnsMax: number): Promise<string[]> {
    const columns = this.snapshot.columns.filter(
      ({ name, type }) => TYPES[type.kind] !== undefined && !/[\\'"]/.test(name),
    );
    const found: string[] = [];
    for (const field of columns.slice(0, columnsMax)) found.push(...(await this.#conditionsOn(field)));
    return found;
  }

  async #conditionsOn(field: Field): Promise<string[]> {
    const type = TYPES[field.type.kind];
    const name = quoteIdentifier(field.name);
    const { rows } = await this.#connection
      .runAndReadAll(
        `with v as (select distinct ${name} as value from all_rows where ${name} is not null),
              n as (select value, row_number() over (order by value) as place, count(*) over () as total from v)
         select value::varchar from n where place in (1, total // 2 + 1, total) order by place`,
      )
      .then((found) => ({ rows: found.getRowsJson() }));
    // The lakehouse quotes names with backticks.
    const named = `\`${field.name.replaceAll('`', '``')}\``;
    // No text of SQL holds a NUL.
    const texts = rows.map(([text]) => String(text)).filter((text) => !text.includes('\0'));
    const literals = texts.map((text) => {
      const quoted = quoteLiteral(text);
      return field.type.kind === 'string' ? quoted : `cast(${quoted} as ${type})`;
    });
    const [least, middle] = literals;
    const greatest = literals.at(-1);
    return [
      `${named} is null`,
      ...(least ? [`${named} <= ${least}`, `${named} in (${greatest}, ${middle ?? least})`] : []),
      ...(middle ? [`${named} > ${middle}`] : []),
    ];
  }

  async #rows(sql: string): Promise<unknown[][]> {
    return (await this.#connection.runAndReadAll(sql)).getRowsJson() as unknown[][];
  }
}
