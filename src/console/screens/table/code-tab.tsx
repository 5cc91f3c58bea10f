import './table-tabs.css';
import type { ComponentChildren } from 'preact';
import type { DatabasesReply } from '../../../api/native/databases/database-schema.js';
import type { Statements } from '../../../api/native/statements/statement-schema.js';
import { serverUrl } from '../../app/places.js';
import { useMe } from '../../data/me.js';
import { tableCall } from '../../data/table-calls.js';
import { useQuery } from '../../data/use-query.js';
import { Copy } from '../../parts/copy.js';
import { CopyAs } from '../../parts/copy-as.js';
import { Loaded } from '../../parts/loaded.js';
import { Skeleton } from '../../parts/skeleton.js';
import { codeTexts } from './code-texts.js';
import { connectionSnippets, type Place, tableSnippets } from './snippets.js';
import type { TableTabProps } from './tab-props.js';

/** How applications connect, read, and hear of syncs. */
export function Tab({ table }: TableTabProps) {
  const { data: me } = useMe();
  const mayWatch = me?.may.monitor === true;
  const databases = useQuery<DatabasesReply>(mayWatch ? '/api/2.0/synced-tables/databases' : null, { isLive: false });
  const instance = databases.data?.instances.find(({ name }) => name === table.instance);
  const role = me?.instances.find(({ name }) => name === table.instance)?.role ?? 'ROLE';
  const place: Place = {
    host: instance?.host ?? 'HOST',
    port: String(instance?.port ?? 'PORT'),
    database: table.database,
    role,
  };
  const connection = connectionSnippets(table, place);
  const snippets = tableSnippets(table, serverUrl);
  return (
    <>
      <p>{codeTexts.what}</p>
      {!mayWatch && me !== undefined && <p class="quiet">{codeTexts.unknownPlace}</p>}
      <Snippet title={codeTexts.connect} text={connection.psql} />
      <Snippet title={codeTexts.read} text={snippets.select} />
      <Snippet title={codeTexts.node} text={connection.node} />
      <Snippet title={codeTexts.python} text={connection.python} />
      <Snippet title={codeTexts.java} text={connection.jdbc} />
      <section class="snippet" aria-label={codeTexts.credential}>
        <h2>{codeTexts.credential}</h2>
        <CopyAs what={codeTexts.credential} snippets={snippets.credential} />
      </section>
      <Snippet title={codeTexts.listen} text={snippets.listen} />
      <Snippet title={codeTexts.wait} text={snippets.wait}>
        {codeTexts.waitWhy}
      </Snippet>
      {table.kind === 'synced' && <CreateAgain table={table} />}
      <Snippet title={codeTexts.metrics} text={snippets.metrics} />
    </>
  );
}

/** The statement of the table as it is; what its options are is the registry's knowledge. */
function CreateAgain({ table }: Pick<TableTabProps, 'table'>) {
  const query = useQuery<Statements>(tableCall(table, 'statements'), { isLive: false });
  return (
    <section class="snippet" aria-label={codeTexts.create}>
      <h2>{codeTexts.create}</h2>
      <p class="quiet">{codeTexts.createWhole}</p>
      <Loaded query={query} what={codeTexts.create} skeleton={<Skeleton rows={4} />}>
        {({ sql, cli, curl, python }) => (
          <CopyAs
            what={codeTexts.create}
            snippets={{ SQL: sql, ...(cli === null ? {} : { CLI: cli }), curl, Python: python }}
          />
        )}
      </Loaded>
    </section>
  );
}

interface SnippetProps {
  readonly title: string;
  readonly text: string;
  readonly children?: ComponentChildren;
}

function Snippet({ title, text, children }: SnippetProps) {
  return (
    <section class="snippet" aria-label={title}>
      <div class="box-head">
        <h2>{title}</h2>
        <Copy text={text} what={title} />
      </div>
      {children && <p class="quiet">{children}</p>}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls sideways has to be reached by keyboard */}
      <pre class="code" tabIndex={0}>
        {text}
      </pre>
    </section>
  );
}
