/** Wider cells are cut: a table is for looking at, `--output json` for reading by programs. */
const CELL_WIDTH_MAX = 32;

/** Rows as psql shows them: a header, a rule, aligned columns. Null is an empty cell. */
export function textTable(header: readonly string[], rows: readonly (readonly (string | null)[])[]): string {
  const cells = rows.map((row) => row.map((cell) => shorten(cell ?? '')));
  const widths = header.map((name, column) => Math.max(name.length, ...cells.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]) =>
    ` ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')}`.trimEnd();
  const rule = widths.map((width) => '-'.repeat(width + 2)).join('+');
  return [line(header), rule, ...cells.map(line)].join('\n');
}

function shorten(cell: string): string {
  const line = cell.replaceAll('\n', '\\n');
  return line.length > CELL_WIDTH_MAX ? `${line.slice(0, CELL_WIDTH_MAX - 1)}…` : line;
}
