import { EventList } from '../../parts/event-list/event-list.js';
import { Page } from '../../parts/page.js';
import { eventsTexts } from './texts.js';

/** What happened, across everything that the caller may see. */
export function Screen() {
  return (
    <Page title={eventsTexts.title}>
      <EventList />
    </Page>
  );
}
