import { roleOf, useMe } from '../data/me.js';
import { Announcer } from './announcer.js';
import { Overlays } from './overlays.js';
import { hrefOf } from './places.js';
import { Rail } from './rail.js';
import { usePlace } from './router.js';
import { findRoute, Screen } from './screen.js';
import { shellTexts } from './texts.js';
import { TopBar } from './top-bar.js';

/** The frame and, in it, the screen of the current place. */
export function App() {
  const { path } = usePlace();
  const found = findRoute(path);
  if (found?.route.isBare) {
    return (
      <main id="content" class="bare">
        <Screen found={found} />
      </main>
    );
  }
  return (
    <>
      <a class="skip" href="#content">
        {shellTexts.skip}
      </a>
      <Overlays />
      <Announcer />
      <div class="frame">
        <Rail />
        <div class="content">
          <TopBar />
          <main id="content" tabIndex={-1}>
            <OpenAccess />
            <Screen found={found} />
          </main>
        </div>
      </div>
    </>
  );
}

/** As long as no token exists, every page says so. */
function OpenAccess() {
  const { data: me } = useMe();
  if (me?.kind !== 'local') return null;
  return (
    <p class="open-access">
      {shellTexts.openAccess(roleOf(me))} <a href={hrefOf('/tokens')}>{shellTexts.createToken}</a>
    </p>
  );
}
