import type { MeReply } from '../../api/native/me-schema.js';
import { pauseLive, useLive } from '../data/live.js';
import { mayChange, roleOf, useMe } from '../data/me.js';
import { forgetAll } from '../data/query-cache.js';
import { endSession } from '../data/session.js';
import { Icon } from '../parts/icon.js';
import { openSearch } from './overlays.js';
import { hrefOf } from './places.js';
import { navigate, SIGN_IN } from './router.js';
import { liveWords, shellTexts } from './texts.js';
import { setTheme, useTheme } from './theme.js';

/** Above every screen: how fresh it is kept, who calls, light or dark. */
export function TopBar() {
  const { data: me } = useMe();
  return (
    <header class="top-bar">
      <button type="button" class="top-search" onClick={openSearch}>
        <Icon name="search" />
        <span>{shellTexts.search}</span>
        <kbd>Ctrl K</kbd>
      </button>
      <div class="top-space" />
      <LiveSwitch />
      {me && (
        <p class="caller" title={shellTexts.actsAs(roleOf(me))}>
          <span class="hidden">Signed in as </span>
          {me.kind === 'local' && shellTexts.nobody}
          {me.kind !== 'local' && !isNamedByChip(me) && <span class="caller-name">{me.name}</span>}
          {me.is_session && (
            <button type="button" onClick={() => void signOut()}>
              {shellTexts.signOut}
            </button>
          )}
          {!mayChange(me) && <span class="chip">{shellTexts.readOnly(roleOf(me))}</span>}
        </p>
      )}
      <a class="preferences" href={hrefOf('/preferences')}>
        {shellTexts.preferences}
      </a>
      <ThemeSwitch />
    </header>
  );
}

/** Whether what a caller may not do is told with the same name: once is enough, and names are long. */
function isNamedByChip(me: MeReply): boolean {
  return !mayChange(me) && me.name === roleOf(me);
}

async function signOut(): Promise<void> {
  await endSession();
  forgetAll();
  navigate(SIGN_IN);
}

function LiveSwitch() {
  const live = useLive();
  const isPaused = live.kind === 'paused';
  return (
    <button
      type="button"
      class={`live live-${live.kind}`}
      aria-pressed={!isPaused}
      title={isPaused ? shellTexts.resume : shellTexts.pause}
      onClick={() => pauseLive(!isPaused)}
    >
      {live.kind === 'lost' && <span class="live-lead">{shellTexts.lost}, </span>}
      {liveWords(live, Date.now())}
    </button>
  );
}

function ThemeSwitch() {
  const theme = useTheme();
  const isDark = theme === 'dark' || (theme === 'system' && matchMedia('(prefers-color-scheme: dark)').matches);
  return (
    <button
      type="button"
      class="quiet-button"
      aria-label={isDark ? shellTexts.toLight : shellTexts.toDark}
      onClick={() => setTheme(isDark ? 'light' : 'dark')}
    >
      <Icon name={isDark ? 'sun' : 'moon'} />
    </button>
  );
}
