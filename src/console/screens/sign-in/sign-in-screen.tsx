import { useEffect, useState } from 'preact/hooks';
import { hrefOf } from '../../app/places.js';
import { navigate, usePlace } from '../../app/router.js';
import { ME } from '../../data/me.js';
import { forgetAll } from '../../data/query-cache.js';
import { call, RequestError } from '../../data/request.js';
import { beginSession } from '../../data/session.js';
import { wakeStream } from '../../data/stream.js';
import { CopyAs } from '../../parts/copy-as.js';
import { Page } from '../../parts/page.js';
import { signInTexts } from './texts.js';
import './sign-in.css';

/** Turns a token into a session of this browser, then leads to where people wanted to go. */
export function Screen() {
  const { query } = usePlace();
  // Only a place within the console: navigate() knows no other.
  const next = query.get('next') ?? '/tables';
  const [token, setToken] = useState('');
  const [error, setError] = useState<RequestError | null>(null);
  const [isBusy, setBusy] = useState(false);
  const signIn = async () => {
    setBusy(true);
    setError(null);
    try {
      await beginSession(token);
      setToken('');
      forgetAll();
      wakeStream();
      navigate(next.startsWith('/') ? next : '/tables', { replace: true });
    } catch (problem) {
      setError(problem instanceof RequestError ? problem : new RequestError(0, {}, problem));
    } finally {
      setBusy(false);
    }
  };
  return (
    <>
      <p class="brand">synced-tables</p>
      <Page title={signInTexts.title}>
        <form
          class="sign-in"
          onSubmit={(event) => {
            event.preventDefault();
            if (!isBusy && token !== '') void signIn();
          }}
        >
          <label for="token">{signInTexts.token}</label>
          <div class="sign-in-row">
            <input
              id="token"
              type="password"
              autocomplete="current-password"
              required
              aria-invalid={error !== null}
              aria-describedby="sign-in-problem"
              value={token}
              onInput={({ currentTarget }) => setToken(currentTarget.value.trim())}
            />
            <button type="submit" class="primary">
              {isBusy ? signInTexts.checking : signInTexts.submit}
            </button>
          </div>
          <p id="sign-in-problem" class="sign-in-problem" role="alert">
            {error && (
              <>
                {error.message} {error.code && <a href={hrefOf(`/errors/${error.code}`)}>{error.code}</a>}
              </>
            )}
          </p>
        </form>
        {next !== '/tables' && <p class="quiet">{signInTexts.wanted(next)}</p>}
        <p>{signInTexts.oidc}</p>
        <p>{signInTexts.noToken}</p>
        <CopyAs what={signInTexts.what} snippets={{ CLI: 'synced-tables token create --role NAME' }} />
        <OpenAccess next={next} />
      </Page>
    </>
  );
}

/** Whoever comes here although no sign-in is needed finds the way on. */
function OpenAccess({ next }: { readonly next: string }) {
  const [isOpen, setOpen] = useState(false);
  useEffect(() => {
    // A 401 is the usual case here, and leads nowhere else.
    call(ME, { staysOn401: true }).then(
      () => setOpen(true),
      () => setOpen(false),
    );
  }, []);
  if (!isOpen) return null;
  return (
    <p class="box">
      {signInTexts.open} <a href={hrefOf(next)}>{signInTexts.goOn}</a>
    </p>
  );
}
