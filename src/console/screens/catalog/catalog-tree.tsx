import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { MeReply } from '../../../api/native/me-schema.js';
import { hrefOf } from '../../app/places.js';
import type { ScreenProps } from '../../app/screen-props.js';
import { type Catalog, useCatalogs, useSchemas, useUnityTables } from '../../data/catalogs.js';
import type { Pages } from '../../data/use-pages.js';
import { Icon } from '../../parts/icon.js';
import { Loaded } from '../../parts/loaded.js';
import { Skeleton } from '../../parts/skeleton.js';
import './catalog-tree.css';
import { MorePages } from './more-pages.js';
import { catalogTexts } from './texts.js';

interface TreeProps {
  readonly me: MeReply;
  readonly chosen: ScreenProps['params'];
  /** Leaves databases out. */
  readonly onlySources?: boolean;
  /** Where a table leads to, by its full name; default: to its page. */
  readonly hrefOfTable?: (name: string) => string;
}

/** Catalogs, and what is in those that are open. */
export function CatalogTree({ me, chosen, onlySources = false, hrefOfTable }: TreeProps) {
  const catalogs = useCatalogs();
  const shown = catalogs.items.filter(({ name }) => !onlySources || me.catalogs.includes(name));
  return (
    <PageList pages={catalogs} what={catalogTexts.what} none="">
      {(catalog) =>
        onlySources && !me.catalogs.includes(catalog.name) ? null : (
          <Branch
            key={catalog.name}
            name={catalog.name}
            path={hrefOfTable ? null : `/catalog/${encodeURIComponent(catalog.name)}`}
            isChosen={chosen.catalog === catalog.name && chosen.schema === undefined}
            isWithin={chosen.catalog === catalog.name || (onlySources && shown.length === 1)}
            note={kindOf(catalog, me)}
          >
            {() => <Schemas catalog={catalog.name} chosen={chosen} hrefOfTable={hrefOfTable} />}
          </Branch>
        )
      }
    </PageList>
  );
}

function kindOf({ name, catalog_type: type }: Catalog, me: MeReply) {
  const kind = me.catalogs.includes(name) ? 'source' : type === 'MANAGED_ONLINE_CATALOG' ? 'database' : 'names';
  return <span title={catalogTexts.kindsWhy[kind]}>{catalogTexts.kinds[kind]}</span>;
}

interface BranchProps extends Pick<TreeProps, 'chosen'> {
  readonly catalog: string;
  readonly hrefOfTable: TreeProps['hrefOfTable'] | undefined;
}

function Schemas({ catalog, chosen, hrefOfTable }: BranchProps) {
  const schemas = useSchemas(catalog);
  const path = `/catalog/${encodeURIComponent(catalog)}`;
  return (
    <PageList pages={schemas} what={catalogTexts.schemasOf(catalog)} none={catalogTexts.noSchema}>
      {(schema) => (
        <Branch
          key={schema}
          name={schema}
          path={hrefOfTable ? null : `${path}/${encodeURIComponent(schema)}`}
          isChosen={chosen.catalog === catalog && chosen.schema === schema && chosen.table === undefined}
          isWithin={
            (chosen.catalog === catalog && chosen.schema === schema) ||
            (hrefOfTable !== undefined && schemas.items.length === 1 && !schemas.hasMore)
          }
        >
          {() => <Tables catalog={catalog} schema={schema} chosen={chosen} hrefOfTable={hrefOfTable} />}
        </Branch>
      )}
    </PageList>
  );
}

function Tables({ catalog, schema, chosen, hrefOfTable }: BranchProps & { readonly schema: string }) {
  const tables = useUnityTables(catalog, schema);
  const path = `/catalog/${encodeURIComponent(catalog)}/${encodeURIComponent(schema)}`;
  return (
    <PageList pages={tables} what={catalogTexts.tablesOf(`${catalog}.${schema}`)} none={catalogTexts.noTable}>
      {({ name }) => {
        const isChosen = chosen.catalog === catalog && chosen.schema === schema && chosen.table === name;
        const to = hrefOfTable?.(`${catalog}.${schema}.${name}`) ?? `${path}/${encodeURIComponent(name)}`;
        return (
          <li key={name} class="tree-leaf">
            <a href={hrefOf(to)} aria-current={isChosen ? 'page' : undefined}>
              {name}
            </a>
          </li>
        );
      }}
    </PageList>
  );
}

function PageList<Item>({
  pages,
  what,
  none,
  children,
}: {
  readonly pages: Pages<Item>;
  readonly what: string;
  readonly none: string;
  readonly children: (item: Item) => ComponentChildren;
}) {
  return (
    <Loaded query={pages.first} what={what} skeleton={<Skeleton rows={2} />}>
      {() => (
        <>
          {pages.items.length === 0 && !pages.hasMore && none !== '' && <p class="quiet">{none}</p>}
          {pages.items.length > 0 && <ul class="tree">{pages.items.map(children)}</ul>}
          <MorePages pages={pages} what={what} />
        </>
      )}
    </Loaded>
  );
}

/** A place with others in it, which are asked for when it is opened. */
function Branch({
  name,
  path,
  isChosen,
  isWithin,
  note,
  children,
}: {
  readonly name: string;
  /** Of its page; null: it only opens. */
  readonly path: string | null;
  readonly isChosen: boolean;
  readonly isWithin: boolean;
  readonly note?: ComponentChildren;
  readonly children: () => ComponentChildren;
}) {
  const [isOpen, setOpen] = useState(isWithin);
  useEffect(() => {
    if (isWithin) setOpen(true);
  }, [isWithin]);
  return (
    <li>
      <div class="tree-branch">
        <button
          type="button"
          class="quiet-button"
          aria-expanded={isOpen}
          aria-label={catalogTexts.open(name)}
          onClick={() => setOpen(!isOpen)}
        >
          <Icon name={isOpen ? 'down' : 'right'} />
          {path === null && name}
        </button>
        {path !== null && (
          <a href={hrefOf(path)} aria-current={isChosen ? 'page' : undefined}>
            {name}
          </a>
        )}
        {note && <span class="quiet">{note}</span>}
      </div>
      {isOpen && <div class="tree-inside">{children()}</div>}
    </li>
  );
}
