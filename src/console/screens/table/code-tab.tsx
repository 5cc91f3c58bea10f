import './table-tabs.css';
import type { ComponentChildren } from 'preact';
import type { DatabasesReply } from '../../../api/native/databases/database-schema.js';
import { serverUrl } from '../../app/places.js';
import { useMe } from '../../data/me.js';
import { useQuery } from '../../data/use-query.js';
import { Copy } from '../../parts/copy.js';
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
      <Snippet title={codeTexts.credential} text={snippets.credential} />
      <Snippet title={codeTexts.listen} text={snippets.listen} />
      <Snippet title={codeTexts.wait} text={snippets.wait}>
        {codeTexts.waitWhy}
      </Snippet>
      {snippets.create !== null && (
        <Snippet title={codeTexts.create} text={snippets.create}>
          {codeTexts.createPartly}
        </Snippet>
      )}
      <Snippet title={codeTexts.metrics} text={snippets.metrics} />
    </>
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
