/** Wider cells are cut: tables are for people, `--output json` is for programs. */
const CELL_WIDTH_MAX = 32;

/**
 * Rows as psql shows them: a header, a rule, aligned columns. Null is an empty cell.
 * @param cellWidthMax characters at which a cell is cut
 */
export function textTable(
  header: readonly string[],
  rows: readonly (readonly (string | null)[])[],
  cellWidthMax = CELL_WIDTH_MAX,
): string {
  const cells = rows.map((row) => row.map((cell) => shorten(cell ?? '', cellWidthMax)));
  const widths = header.map((name, column) => Math.max(name.length, ...cells.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]) =>
    ` ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')}`.trimEnd();
  const rule = widths.map((width) => '-'.repeat(width + 2)).join('+');
  return [line(header), rule, ...cells.map(line)].join('\n');
}

/** One row as a line for each column, uncut. */
export function textRecord(values: Iterable<readonly [string, string | null]>): string {
  const lines = [...values];
  const width = Math.max(...lines.map(([name]) => name.length));
  return lines.map(([name, value]) => ` ${name.padEnd(width)} | ${oneLine(value ?? '')}`.trimEnd()).join('\n');
}

function shorten(cell: string, widthMax: number): string {
  const line = oneLine(cell);
  return line.length > widthMax ? `${line.slice(0, widthMax - 1)}…` : line;
}

function oneLine(text: string): string {
  return text.replaceAll('\n', '\\n');
}
