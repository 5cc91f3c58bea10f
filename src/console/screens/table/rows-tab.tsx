import './table-tabs.css';
import { useEffect, useState } from 'preact/hooks';
import type { RowsReply } from '../../../api/native/tables/row-schema.js';
import { serverUrl } from '../../app/places.js';
import { roleOf, useMe } from '../../data/me.js';
import { call } from '../../data/request.js';
import { tablePath } from '../../data/tables.js';
import { useAct } from '../../data/use-act.js';
import { ActError } from '../../parts/act-error.js';
import { ActionButton } from '../../parts/action-button.js';
import { CopyAs } from '../../parts/copy-as.js';
import { callSnippets, quoteIdentifier } from '../../words/quoting.js';
import { KeyHistory } from './key-history.js';
import { RowGrid } from './row-grid.js';
import { rowsTexts } from './rows-texts.js';
import type { TableTabProps } from './tab-props.js';

const LIMIT = 50;

/** A few rows, or those with a key. Neither is in the address, and both leave memory with the page. */
export function Tab({ table }: TableTabProps) {
  return <RowsOf table={table} hasHistory={false} />;
}

interface RowsOfProps {
  readonly table: TableTabProps['table'];
  /** Whether rows that are no longer current are kept too. */
  readonly hasHistory: boolean;
}

/** Of a streaming table with history, also the current rows alone, and a key's history as a time line. */
export function RowsOf({ table, hasHistory }: RowsOfProps) {
  const [isCurrent, setCurrent] = useState(false);
  const { data: me } = useMe();
  const [key, setKey] = useState<Readonly<Record<string, string>>>({});
  const [found, setFound] = useState<RowsReply | null>(null);
  const act = useAct();
  const role = me === undefined ? '…' : quoteIdentifier(roleOf(me));
  const schema = quoteIdentifier(table.schema);
  const refusal = !table.is_readable
    ? rowsTexts.notLoaded
    : table.may.read_rows
      ? null
      : rowsTexts.refused(table.sql_name, schema, role);
  const path = `${tablePath(table.name)}/rows?instance=${encodeURIComponent(table.instance)}`;
  const limits = { limit: LIMIT, ...(hasHistory && isCurrent ? { current: true } : {}) };
  const read = (wanted: Readonly<Record<string, string>>) => {
    const given = Object.fromEntries(Object.entries(wanted).filter(([, value]) => value !== ''));
    const body = { ...limits, ...(Object.keys(given).length === 0 ? {} : { key: given }) };
    void act.run(async () => setFound(await call<RowsReply>(path, { method: 'POST', body })));
  };
  useEffect(() => () => setFound(null), [table.table_id]);
  const isSearch = Object.values(key).some((value) => value !== '');
  return (
    <>
      <p>{rowsTexts.what(LIMIT)}</p>
      {refusal !== null && <p class="box">{refusal}</p>}
      <form
        class="row-search"
        onSubmit={(event) => {
          event.preventDefault();
          if (refusal === null) read(key);
        }}
      >
        {table.key_columns.map((name) => (
          <label key={name}>
            <span>{name}</span>
            <input
              type="text"
              autocomplete="off"
              value={key[name] ?? ''}
              onInput={({ currentTarget }) => setKey({ ...key, [name]: currentTarget.value })}
            />
          </label>
        ))}
        <ActionButton isPrimary isBusy={act.isBusy} refusal={refusal} onClick={() => read(key)}>
          {isSearch ? rowsTexts.find : found === null ? rowsTexts.load : rowsTexts.again}
        </ActionButton>
        {hasHistory && (
          <label class="check">
            <input
              type="checkbox"
              checked={isCurrent}
              onChange={({ currentTarget }) => setCurrent(currentTarget.checked)}
            />{' '}
            {rowsTexts.currentOnly}
          </label>
        )}
        {isSearch && (
          <button
            type="button"
            onClick={() => {
              setKey({});
              if (refusal === null) read({});
            }}
          >
            {rowsTexts.clear}
          </button>
        )}
      </form>
      <ActError error={act.error} />
      {found &&
        (found.rows.length === 0 ? (
          <p role="status">{isSearch ? rowsTexts.none : rowsTexts.empty}</p>
        ) : (
          <>
            {hasHistory && isSearch && <KeyHistory reply={found} />}
            <RowGrid reply={found} path={path} />
          </>
        ))}
      <details>
        <summary>{rowsTexts.elsewhere}</summary>
        <CopyAs what={rowsTexts.grid} snippets={snippetsOf(table, path, limits)} />
      </details>
    </>
  );
}

/** Without the key that was looked for: what is copied is passed on. */
function snippetsOf(
  { sql_name: name, key_columns: keys }: TableTabProps['table'],
  path: string,
  limits: { readonly limit: number; readonly current?: boolean },
) {
  const where = limits.current ? ' WHERE "__END_AT" IS NULL' : '';
  const order = keys.length === 0 ? '' : ` ORDER BY ${keys.map(quoteIdentifier).join(', ')}`;
  return {
    SQL: `SELECT * FROM ${name}${where}${order} LIMIT ${LIMIT};`,
    ...callSnippets(serverUrl, { method: 'POST', path, body: limits }),
  };
}
