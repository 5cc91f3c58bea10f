import type { SourceSummary } from '../../../api/native/sources/source-schema.js';
import { hrefOf, serverUrl } from '../../app/places.js';
import { SOURCES, type UnityTable, useSchemas, useSources, useUnityTables } from '../../data/catalogs.js';
import { CopyAs } from '../../parts/copy-as.js';
import { Icon } from '../../parts/icon.js';
import { Loaded } from '../../parts/loaded.js';
import { Skeleton } from '../../parts/skeleton.js';
import { Ago } from '../../parts/time.js';
import { numberText, sizeText } from '../../words/numbers.js';
import { callSnippets, pythonWithClient, quotePython } from '../../words/quoting.js';
import { MorePages } from './more-pages.js';
import { catalogTexts, postgresTexts } from './texts.js';

const texts = catalogTexts.columns;

interface SchemaPageProps {
  readonly catalog: string;
  /** Null: the catalog itself is chosen. */
  readonly schema: string | null;
  readonly isSource: boolean;
}

/** What a catalog or schema holds, as a list. */
export function SchemaPage({ catalog, schema, isSource }: SchemaPageProps) {
  if (schema === null) return <SchemaList catalog={catalog} />;
  if (isSource) return <SourceList catalog={catalog} schema={schema} />;
  return <PostgresList catalog={catalog} schema={schema} />;
}

function SchemaList({ catalog }: { readonly catalog: string }) {
  const schemas = useSchemas(catalog);
  const what = catalogTexts.schemasOf(catalog);
  return (
    <Loaded query={schemas.first} what={what} skeleton={<Skeleton rows={4} />}>
      {() => (
        <>
          {schemas.items.length === 0 && !schemas.hasMore && <p>{catalogTexts.noSchema}</p>}
          <ul>
            {schemas.items.map((schema) => (
              <li key={schema}>
                <a href={hrefOf(`/catalog/${encodeURIComponent(catalog)}/${encodeURIComponent(schema)}`)}>{schema}</a>
              </li>
            ))}
          </ul>
          <MorePages pages={schemas} what={what} />
        </>
      )}
    </Loaded>
  );
}

function SourceList({ catalog, schema }: { readonly catalog: string; readonly schema: string }) {
  const sources = useSources(catalog, schema);
  const what = catalogTexts.tablesOf(`${catalog}.${schema}`);
  return (
    <Loaded query={sources.first} what={what} skeleton={<Skeleton rows={6} />}>
      {() => (
        <>
          <p class="catalog-read">
            {catalogTexts.readAt} <Ago time={sources.first.at ?? Date.now()} />{' '}
            <button type="button" onClick={sources.first.refetch}>
              {catalogTexts.refresh}
            </button>
          </p>
          {sources.items.length === 0 && !sources.hasMore && <p>{catalogTexts.noTable}</p>}
          {sources.items.length > 0 && (
            <table class="list source-list">
              <thead>
                <tr>
                  <th scope="col">{texts.table}</th>
                  <th scope="col" class="number">
                    {texts.version}
                  </th>
                  <th scope="col" class="number">
                    {texts.size}
                  </th>
                  <th scope="col">{texts.feed}</th>
                  <th scope="col" class="number">
                    {texts.synced}
                  </th>
                </tr>
              </thead>
              <tbody>
                {sources.items.map((source) => (
                  <SourceRow key={source.name} source={source} catalog={catalog} />
                ))}
              </tbody>
            </table>
          )}
          <MorePages pages={sources} what={what} />
          <ListElsewhere catalog={catalog} schema={schema} path={SOURCES} />
        </>
      )}
    </Loaded>
  );
}

function SourceRow({ source, catalog }: { readonly source: SourceSummary; readonly catalog: string }) {
  const { schema, table, problem, version, size_bytes: size, change_feed: feed } = source;
  const path = `/catalog/${[catalog, schema, table].map(encodeURIComponent).join('/')}`;
  const unknown = source.is_looked_at
    ? { word: catalogTexts.notKnown, why: undefined }
    : { word: catalogTexts.notLooked, why: catalogTexts.notLookedWhy };
  const orUnknown = (text: string | null) => text ?? <span class="quiet">{unknown.word}</span>;
  return (
    <tr>
      <th scope="row">
        <a href={hrefOf(path)}>{table}</a>
      </th>
      {problem ? (
        <td colSpan={3}>
          <span class="state group-fail">
            <Icon name="octagon" />
            <span>
              {problem.message} <a href={hrefOf(`/errors/${problem.error_code}`)}>{problem.error_code}</a>
            </span>
          </span>
        </td>
      ) : (
        <>
          <td class="number" data-label={texts.version} title={unknown.why}>
            {orUnknown(version === null ? null : numberText(version))}
          </td>
          <td class="number" data-label={texts.size}>
            {orUnknown(size === null ? null : sizeText(size))}
          </td>
          <td data-label={texts.feed}>{orUnknown(feed === null ? null : feed ? catalogTexts.on : catalogTexts.off)}</td>
        </>
      )}
      <td class="number" data-label={texts.synced}>
        {source.synced_tables === 0 ? '0' : <a href={hrefOf(`${path}?tab=synced`)}>{source.synced_tables}</a>}
      </td>
    </tr>
  );
}

function PostgresList({ catalog, schema }: { readonly catalog: string; readonly schema: string }) {
  const tables = useUnityTables(catalog, schema);
  const what = catalogTexts.tablesOf(`${catalog}.${schema}`);
  return (
    <Loaded query={tables.first} what={what} skeleton={<Skeleton rows={6} />}>
      {() => (
        <>
          {tables.items.length === 0 && !tables.hasMore && <p>{catalogTexts.noTable}</p>}
          {tables.items.length > 0 && (
            <table class="list source-list">
              <thead>
                <tr>
                  <th scope="col">{texts.table}</th>
                  <th scope="col">{texts.kind}</th>
                  <th scope="col">{texts.owner}</th>
                </tr>
              </thead>
              <tbody>
                {tables.items.map((table) => (
                  <PostgresRow key={table.name} table={table} />
                ))}
              </tbody>
            </table>
          )}
          <MorePages pages={tables} what={what} />
          <ListElsewhere catalog={catalog} schema={schema} path="/api/2.1/unity-catalog/tables" />
        </>
      )}
    </Loaded>
  );
}

function PostgresRow({ table }: { readonly table: UnityTable }) {
  const path = `/catalog/${table.full_name.split('.').map(encodeURIComponent).join('/')}`;
  return (
    <tr>
      <th scope="row">
        <a href={hrefOf(path)}>{table.name}</a>
      </th>
      <td data-label={texts.kind}>
        {table.pipeline_id ? postgresTexts.synced : (postgresTexts.kinds[table.table_type] ?? table.table_type)}
      </td>
      <td data-label={texts.owner}>{table.owner}</td>
    </tr>
  );
}

function ListElsewhere({ catalog, schema, path }: { catalog: string; schema: string; path: string }) {
  const fields = path === SOURCES ? { catalog, schema } : { catalog_name: catalog, schema_name: schema };
  const call = callSnippets(serverUrl, { method: 'GET', path: `${path}?${new URLSearchParams(fields)}` });
  const list = `for table in w.tables.list(catalog_name=${quotePython(catalog)}, schema_name=${quotePython(schema)}):\n    print(table.full_name)`;
  return (
    <details class="elsewhere">
      <summary>{catalogTexts.elsewhere}</summary>
      <CopyAs
        what={catalogTexts.thisList}
        snippets={{ ...call, ...(path === SOURCES ? {} : { Python: pythonWithClient(serverUrl, list) }) }}
      />
    </details>
  );
}
