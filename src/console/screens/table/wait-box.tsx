import type { TableSummary } from '../../../api/native/tables/table-summary-schema.js';
import { Ago } from '../../parts/time.js';
import { tableTexts } from './texts.js';

const { wait } = tableTexts;

/** Whose transactions a switch waits for: enough to find them, and nothing of what they run. */
export function WaitBox({ waiting }: { readonly waiting: NonNullable<TableSummary['waiting_for']> }) {
  return (
    <section class="box box-warn" aria-labelledby="wait">
      <h2 id="wait">{wait.title}</h2>
      <p>
        {wait.why} <Ago time={waiting.since} />.
      </p>
      <ul>
        {waiting.sessions.map((session) => (
          <li key={session.process}>
            {wait.session(session.process, session.role ?? wait.unknown, session.application || wait.noName)}
            {session.since && (
              <>
                , {wait.since} <Ago time={session.since} />
              </>
            )}
          </li>
        ))}
      </ul>
    </section>
  );
}
