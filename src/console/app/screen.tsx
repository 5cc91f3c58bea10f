import type { ComponentType } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { preload } from '../data/query-cache.js';
import { Page } from '../parts/page.js';
import { hrefOf } from './places.js';
import { fitPath } from './route-pattern.js';
import { currentPlace } from './router.js';
import { routes } from './routes.js';
import type { ScreenProps } from './screen-props.js';
import { shellTexts } from './texts.js';

type Route = (typeof routes)[number];

interface FoundRoute {
  readonly route: Route;
  readonly params: Readonly<Record<string, string>>;
}

/** The screen of a path; null if there is none. */
export function findRoute(path: string): FoundRoute | null {
  for (const route of routes) {
    const params = fitPath(route.path, path);
    if (params) return { route, params };
  }
  return null;
}

const loaded = new Map<Route, ComponentType<ScreenProps>>();

/** Shows a screen, whose code is loaded first. */
export function Screen({ found }: { readonly found: FoundRoute | null }) {
  const [, draw] = useState(0);
  const [failed, setFailed] = useState<Route | null>(null);
  const route = found?.route ?? null;
  useEffect(() => {
    if (route === null || loaded.has(route)) return;
    if (route.firstPath) preload(route.firstPath(currentPlace().query));
    route.load().then(
      (module) => {
        loaded.set(route, module.Screen);
        draw((count) => count + 1);
      },
      () => setFailed(route),
    );
  }, [route]);
  if (found === null) return <NotFound />;
  const Loaded = loaded.get(found.route);
  if (Loaded) return <Loaded params={found.params} />;
  return failed === route ? <NotLoaded /> : null;
}

function NotFound() {
  return (
    <Page title={shellTexts.notFound}>
      <p>{shellTexts.notFoundWhy}</p>
      <p>
        <a href={hrefOf('/tables')}>{shellTexts.toTables}</a>
      </p>
    </Page>
  );
}

function NotLoaded() {
  return (
    <Page title={shellTexts.screenFailed}>
      <p>{shellTexts.screenFailedWhy}</p>
      <button type="button" onClick={() => location.reload()}>
        {shellTexts.reload}
      </button>
    </Page>
  );
}
