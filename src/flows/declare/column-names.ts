import { syncedTablesError } from '../../core/errors.js';
import type { ColumnSelection } from './declared-flow.js';

/** Names of the columns to choose from. Matching ignores case; results use the column's own spelling. */
export class ColumnNames {
  readonly all: readonly string[];
  readonly #flow: string;

  /** @param flow the flow whose options name columns, for messages */
  constructor(flow: string, all: readonly string[]) {
    this.#flow = flow;
    this.all = all;
  }

  /** The column of that name in its own spelling; null if there is none. */
  match(name: string): string | null {
    if (this.all.includes(name)) return name;
    const folded = name.toLowerCase();
    return this.all.find((candidate) => candidate.toLowerCase() === folded) ?? null;
  }

  /**
   * The columns with these names.
   * @param option that names them, for messages
   * @throws AUTOCDC_COLUMNS_NOT_FOUND_IN_SCHEMA
   */
  find(names: readonly string[], option: string): readonly string[] {
    const missing = names.filter((name) => this.match(name) === null);
    if (missing.length > 0) {
      throw syncedTablesError('AUTOCDC_COLUMNS_NOT_FOUND_IN_SCHEMA', {
        flow: this.#flow,
        option,
        columns: missing.join(', '),
        available: this.all.join(', '),
      });
    }
    return names.flatMap((name) => this.match(name) ?? []);
  }

  /** The columns that a selection keeps, in the order of `all`. */
  select(
    selection: ColumnSelection,
    options: { readonly include: string; readonly except: string },
  ): readonly string[] {
    if (selection.kind === 'all') return this.all;
    const named = new Set(this.find(selection.names, options[selection.kind]));
    return this.all.filter((name) => named.has(name) === (selection.kind === 'include'));
  }
}
