import { useState } from 'preact/hooks';
import type { RowsReply } from '../../../api/native/tables/row-schema.js';
import { call } from '../../data/request.js';
import { useAct } from '../../data/use-act.js';
import { ActError } from '../../parts/act-error.js';
import { rowsTexts } from './rows-texts.js';

interface RowGridProps {
  readonly reply: RowsReply;
  /** Of the call that reads rows. */
  readonly path: string;
}

/** Rows as Postgres writes them. Long values are cut, and had whole on request. */
export function RowGrid({ reply, path }: RowGridProps) {
  const cut = new Set(reply.cut.map(({ row, column }) => `${row} ${column}`));
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls sideways has to be reached by keyboard
    <section class="grid" aria-label={rowsTexts.grid} tabIndex={0}>
      <table>
        <thead>
          <tr>
            {reply.columns.map(({ name, type, is_key: isKey }) => (
              <th key={name} scope="col">
                {name} <span class="quiet">{isKey ? `${type}, key` : type}</span>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {reply.rows.map((row, nth) => (
            // Rows have no other name than their place in this answer.
            <tr key={nth}>
              {row.map((value, column) => (
                <td key={reply.columns[column]?.name}>
                  <Value
                    value={value}
                    whole={cut.has(`${nth} ${column}`) ? wholeOf(reply, { nth, column, path }) : null}
                  />
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

/** Reads one value to its end. */
function wholeOf(
  { columns, rows }: RowsReply,
  place: { readonly nth: number; readonly column: number; readonly path: string },
) {
  const key = Object.fromEntries(
    columns.flatMap(({ name, is_key: isKey }, column) => {
      const value = rows[place.nth]?.[column];
      return isKey && typeof value === 'string' ? [[name, value]] : [];
    }),
  );
  const body = { key, columns: [columns[place.column]?.name ?? ''], whole: true };
  return async () => (await call<RowsReply>(place.path, { method: 'POST', body })).rows[0]?.[0] ?? null;
}

function Value({
  value,
  whole,
}: {
  readonly value: string | null;
  readonly whole: (() => Promise<string | null>) | null;
}) {
  const [read, setRead] = useState<string | null>(null);
  const act = useAct();
  if (value === null) return <span class="quiet">{rowsTexts.null}</span>;
  if (whole === null || read !== null)
    return <span class={read === null ? 'cell' : 'cell-whole'}>{read ?? value}</span>;
  return (
    <>
      <span class="cell">{value}</span>{' '}
      <button type="button" class="quiet-button" onClick={() => void act.run(async () => setRead(await whole()))}>
        {rowsTexts.whole}
      </button>
      <ActError error={act.error} />
    </>
  );
}
