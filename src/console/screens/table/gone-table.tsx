import { hrefOf } from '../../app/places.js';
import { draftOf } from '../../data/drafts.js';
import type { RequestError } from '../../data/request.js';
import { EventList } from '../../parts/event-list/event-list.js';
import { tableTexts } from './texts.js';

const texts = tableTexts.gone;

interface GoneTableProps {
  readonly name: string;
  readonly instance: string | null;
  readonly error: RequestError;
}

/** A table that is not there: its events are, and say whether its first copy was refused. */
export function GoneTable({ name, instance, error }: GoneTableProps) {
  const draft = draftOf(name);
  return (
    <>
      <section class="box">
        <p role="alert">{error.message}</p>
        <p>{texts.why}</p>
        {draft !== null && (
          <p>
            <a class="button primary" href={hrefOf(draft)}>
              {texts.toDraft}
            </a>
          </p>
        )}
      </section>
      <h2>{texts.events}</h2>
      <EventList fixed={{ table: name, ...(instance === null ? {} : { instance }) }} />
    </>
  );
}
