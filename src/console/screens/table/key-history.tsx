import type { RowsReply } from '../../../api/native/tables/row-schema.js';
import { rowsTexts } from './rows-texts.js';
import './key-history.css';

/** What began with each row of one key, oldest first: the columns that differ from the row before. */
export function KeyHistory({ reply: { columns, rows } }: { readonly reply: RowsReply }) {
  const place = (name: string) => columns.findIndex((column) => column.name === name);
  const [start, end] = [place('__START_AT'), place('__END_AT')];
  if (start < 0 || end < 0 || rows.length === 0) return null;
  const values = columns.flatMap(({ name, is_key: isKey }, nth) =>
    isKey || nth === start || nth === end ? [] : [{ name, nth }],
  );
  return (
    <section aria-label={rowsTexts.history}>
      <h2>{rowsTexts.history}</h2>
      <ol class="key-history">
        {rows.map((row, nth) => {
          const before = rows[nth - 1];
          const changed = values.filter((value) => before === undefined || before[value.nth] !== row[value.nth]);
          return (
            <li key={row[start] ?? ''} class={row[end] === null ? 'is-current' : ''}>
              <p class="quiet">
                {rowsTexts.from} {row[start] ?? rowsTexts.beginning} {rowsTexts.until} {row[end] ?? rowsTexts.today}
              </p>
              <p>
                {changed.map(({ name, nth: column }) => (
                  <span key={name} class="key-value">
                    {name} <strong>{row[column] ?? 'null'}</strong>
                  </span>
                ))}
              </p>
            </li>
          );
        })}
      </ol>
    </section>
  );
}
