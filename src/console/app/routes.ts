import type { ComponentType } from 'preact';
import { tablesPath } from '../data/tables.js';
import { ROWS_AT_FIRST, rowsQuery } from '../screens/tables/list-query.js';
import type { ScreenProps } from './screen-props.js';

/** A screen is a folder in `screens`; its code is loaded when it is first shown. */
interface Route {
  /** See fitPath. */
  readonly path: string;
  /** The module's `Screen`. */
  readonly load: () => Promise<{ readonly Screen: ComponentType<ScreenProps> }>;
  /** The answer that it shows first, for which its code need not be there. @param query of the address */
  readonly firstPath?: (query: URLSearchParams) => string;
  /** Whether it is shown without the frame, to callers whom nobody knows yet. */
  readonly isBare?: true;
}

// One line a screen, in alphabetical order; the first that fits is shown.
export const routes: readonly Route[] = [
  { path: '/catalog/:catalog?/:schema?/:table?', load: () => import('../screens/catalog/catalog-screen.js') },
  { path: '/create', load: () => import('../screens/create/create-screen.js') },
  { path: '/databases/:instance?/:database?', load: () => import('../screens/databases/databases-screen.js') },
  { path: '/doctor', load: () => import('../screens/doctor/doctor-screen.js') },
  { path: '/errors/:code?', load: () => import('../screens/errors/errors-screen.js') },
  { path: '/events', load: () => import('../screens/events/events-screen.js') },
  { path: '/pipelines', load: () => import('../screens/pipelines/pipelines-screen.js') },
  { path: '/pipelines/:id/:tab?', load: () => import('../screens/pipelines/pipeline-screen.js') },
  { path: '/preferences', load: () => import('../screens/preferences/preferences-screen.js') },
  { path: '/sign-in', load: () => import('../screens/sign-in/sign-in-screen.js'), isBare: true },
  { path: '/streaming/:name/:tab?', load: () => import('../screens/streaming/streaming-screen.js') },
  {
    path: '/tables',
    load: () => import('../screens/tables/tables-screen.js'),
    firstPath: (query) => tablesPath(rowsQuery(query, ROWS_AT_FIRST)),
  },
  { path: '/tables/:name/:tab?/:item?', load: () => import('../screens/table/table-screen.js') },
  { path: '/tokens', load: () => import('../screens/tokens/tokens-screen.js') },
];
