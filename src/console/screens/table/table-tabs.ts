import type { ComponentType } from 'preact';
import type { TableSummary } from '../../../api/native/tables/table-summary-schema.js';
import { OverviewTab } from './overview-tab.js';
import type { TableTabProps } from './tab-props.js';
import { tableTexts } from './texts.js';

interface TableTab {
  /** In the address; '' for the first. */
  readonly path: string;
  readonly word: string;
  readonly load: () => Promise<{ readonly Tab: ComponentType<TableTabProps> }>;
  /** Kinds of tables that have it; default: all. */
  readonly kinds?: readonly TableSummary['kind'][];
}

// One line a tab, in the order in which they stand. Each is a file `…-tab.tsx` in this folder that exports `Tab`.
export const tableTabs: readonly TableTab[] = [
  { path: '', word: tableTexts.tabs.overview, load: () => Promise.resolve({ Tab: OverviewTab }) },
  { path: 'updates', word: tableTexts.tabs.updates, load: () => import('./updates-tab.js') },
  { path: 'events', word: tableTexts.tabs.events, load: () => import('./events-tab.js') },
  { path: 'rows', word: tableTexts.tabs.rows, load: () => import('./rows-tab.js') },
  { path: 'objects', word: tableTexts.tabs.objects, load: () => import('./objects-tab.js') },
  { path: 'verify', word: tableTexts.tabs.verify, load: () => import('./verify-tab.js'), kinds: ['synced'] },
  { path: 'code', word: tableTexts.tabs.code, load: () => import('./code-tab.js') },
  { path: 'settings', word: tableTexts.tabs.settings, load: () => import('./settings-tab.js') },
];
