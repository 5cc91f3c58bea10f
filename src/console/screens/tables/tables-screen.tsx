import { useMe } from '../../data/me.js';
import { Loaded } from '../../parts/loaded.js';
import { Page } from '../../parts/page.js';
import { Skeleton } from '../../parts/skeleton.js';
import { tablesTexts } from './texts.js';

/** All synced and streaming tables, with what needs looking after first. */
export function Screen() {
  const me = useMe();
  return (
    <Page title={tablesTexts.title}>
      <Loaded query={me} what={tablesTexts.what} skeleton={<Skeleton rows={6} />}>
        {({ instances }) => (
          <ul>
            {instances.map(({ name, databases }) => (
              <li key={name}>
                {name}: {databases.map((database) => database.name).join(', ')}
              </li>
            ))}
          </ul>
        )}
      </Loaded>
    </Page>
  );
}
