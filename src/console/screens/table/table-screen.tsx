import type { ComponentType } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { TableSummary } from '../../../api/native/tables/table-summary-schema.js';
import { usePlace } from '../../app/router.js';
import type { ScreenProps } from '../../app/screen-props.js';
import { useTable } from '../../data/tables.js';
import { Loaded } from '../../parts/loaded.js';
import { Page } from '../../parts/page.js';
import { Skeleton } from '../../parts/skeleton.js';
import { Tabs } from '../../parts/tabs.js';
import { conditionWords } from '../../words/conditions.js';
import { GoneTable } from './gone-table.js';
import type { TableTabProps } from './tab-props.js';
import { TableHead } from './table-head.js';
import { tableTabs } from './table-tabs.js';
import { tableTexts } from './texts.js';
import './table.css';

/** One table: its head, and below it the tab of the address. */
export function Screen({ params }: ScreenProps) {
  const { name = '', tab = '', item = null } = params;
  const instance = usePlace().query.get('instance');
  const query = useTable(name, instance);
  const { data } = query;
  const windowTitle = data ? `${data.table} - ${conditionWords(data, Date.now())}` : name;
  return (
    <Page title={name} windowTitle={windowTitle}>
      {query.error?.code === 'SYNCED_TABLE_NOT_FOUND' ? (
        <GoneTable name={name} instance={instance} error={query.error} />
      ) : (
        <Loaded query={query} what={tableTexts.what(name)} skeleton={<Skeleton rows={3} tall />}>
          {(table) => <TableContent table={table} tab={tab} item={item} instance={instance} />}
        </Loaded>
      )}
    </Page>
  );
}

interface ContentProps {
  readonly table: TableSummary;
  readonly tab: string;
  readonly item: string | null;
  readonly instance: string | null;
}

function TableContent({ table, tab, item, instance }: ContentProps) {
  const base = `/tables/${encodeURIComponent(table.name)}`;
  const query = instance === null ? '' : `?instance=${encodeURIComponent(instance)}`;
  const pathOf = (path: string) => `${base}${path === '' ? '' : `/${path}`}${query}`;
  const shown = tableTabs.filter(({ kinds }) => kinds?.includes(table.kind) ?? true);
  return (
    <>
      <TableHead table={table} />
      <Tabs
        label={tableTexts.tabsLabel}
        current={pathOf(tab)}
        tabs={shown.map(({ path, word }) => ({ path: pathOf(path), word }))}
      />
      <TabContent table={table} tab={tab} item={item} />
    </>
  );
}

const loaded = new Map<string, ComponentType<TableTabProps>>();

function TabContent({ table, tab, item }: TableTabProps & { readonly tab: string }) {
  const found = tableTabs.find(({ path }) => path === tab);
  const [, draw] = useState(0);
  const [isFailed, setFailed] = useState(false);
  useEffect(() => {
    setFailed(false);
    if (!found || loaded.has(tab)) return;
    found.load().then(
      (module) => {
        loaded.set(tab, module.Tab);
        draw((count) => count + 1);
      },
      () => setFailed(true),
    );
  }, [tab]);
  if (!found) return <p>{tableTexts.noSuchTab}</p>;
  const Shown = loaded.get(tab);
  if (Shown) return <Shown table={table} item={item} />;
  return isFailed ? <p role="alert">{tableTexts.tabFailed}</p> : null;
}
