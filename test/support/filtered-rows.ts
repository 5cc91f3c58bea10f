import type { DuckDBConnection } from '@duckdb/node-api';
import { expect } from 'vitest';
import { identifierList } from '../../src/core/names.js';
import { ChoiceResolver, chosenSelect } from '../../src/lake/choice/choice.js';
import { chooseRows } from '../../src/lake/choice/choose-rows.js';
import type { LakeTable } from '../../src/lake/lake-table.js';
import type { FilesRead } from '../../src/lake/relation/relation.js';
import { holdWhole } from '../../src/lake/relation/relation-pass.js';
import type { SourceSnapshot } from '../../src/lake/source-snapshot.js';

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

  async #rows(sql: string): Promise<unknown[][]> {
    return (await this.#connection.runAndReadAll(sql)).getRowsJson() as unknown[][];
  }
}
