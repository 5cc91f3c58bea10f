import { hrefOf } from '../../app/places.js';
import type { ScreenProps } from '../../app/screen-props.js';
import { useMe } from '../../data/me.js';
import { Loaded } from '../../parts/loaded.js';
import { Page } from '../../parts/page.js';
import { Skeleton } from '../../parts/skeleton.js';
import './catalog.css';
import { CatalogTree } from './catalog-tree.js';
import { NoSources } from './no-sources.js';
import { PostgresTable } from './postgres-table.js';
import { SchemaPage } from './schema-page.js';
import { SourcePage } from './source-page.js';
import { catalogTexts } from './texts.js';

/** Source tables and databases: a tree, and beside it what is chosen in it. */
export function Screen({ params }: ScreenProps) {
  const { catalog, schema, table } = params;
  const title = [catalog, schema, table].filter((part) => part !== undefined).join('.') || catalogTexts.title;
  const me = useMe();
  return (
    <Page title={title}>
      <Loaded query={me} what={catalogTexts.what} skeleton={<Skeleton rows={6} />}>
        {(known) => (
          <div class={catalog === undefined ? 'catalog' : 'catalog catalog-chosen'}>
            <nav class="catalog-tree" aria-label={catalogTexts.tree}>
              <CatalogTree me={known} chosen={params} />
            </nav>
            <div class="catalog-side">
              {catalog !== undefined && (
                <p class="catalog-back">
                  <a href={hrefOf('/catalog')}>{catalogTexts.back}</a>
                </p>
              )}
              {catalog === undefined && <NoSources me={known} />}
              <Chosen params={params} isSource={catalog !== undefined && known.catalogs.includes(catalog)} />
            </div>
          </div>
        )}
      </Loaded>
    </Page>
  );
}

function Chosen({ params, isSource }: { readonly params: ScreenProps['params']; readonly isSource: boolean }) {
  const { catalog, schema, table } = params;
  if (catalog === undefined) return <p class="quiet">{catalogTexts.choose}</p>;
  if (schema === undefined || table === undefined) {
    return <SchemaPage key={`${catalog}.${schema}`} catalog={catalog} schema={schema ?? null} isSource={isSource} />;
  }
  const name = `${catalog}.${schema}.${table}`;
  return isSource ? <SourcePage key={name} name={name} /> : <PostgresTable key={name} name={name} />;
}
