import type { PreviewFinding, PreviewReply } from '../../../api/native/previews/preview-schema.js';
import { hrefOf } from '../../app/places.js';
import { CopyAs } from '../../parts/copy-as.js';
import { ErrorBox } from '../../parts/error-box.js';
import { Icon, type IconName } from '../../parts/icon.js';
import { Skeleton } from '../../parts/skeleton.js';
import { changeFor, type Draft } from './draft.js';
import { Check } from './field.js';
import { createTexts } from './texts.js';
import type { Preview } from './use-preview.js';

const texts = createTexts.outcome;

interface OutcomeProps {
  readonly draft: Draft;
  readonly preview: Preview;
  /** Warnings that were read, by `warningKey`. */
  readonly known: ReadonlySet<string>;
  readonly onKnow: (key: string, isKnown: boolean) => void;
  readonly change: (change: Partial<Draft>) => void;
}

/** What creating the table would give and meet. */
export function Outcome({ draft, preview, known, onKnow, change }: OutcomeProps) {
  const { reply, error, isBehind } = preview;
  return (
    <section class="outcome" aria-labelledby="outcome-title">
      <h2 id="outcome-title">{texts.title}</h2>
      {draft.source === '' && <p>{texts.empty}</p>}
      {error && <ErrorBox error={error} what={createTexts.what} onRetry={preview.refetch} />}
      <p class="quiet outcome-asking" role="status">
        {isBehind && !error ? texts.asking : ''}
      </p>
      {reply === null && isBehind && !error && <Skeleton rows={4} />}
      {reply && !(error && isBehind) && (
        <>
          <Columns reply={reply} draft={draft} />
          <Findings title={texts.stops} findings={reply.stops} icon="octagon" group="fail" change={change} />
          {reply.stops.length === 0 && reply.statements && (
            <p>
              <span class="state group-ok">
                <Icon name="check" />
                <span>{texts.free(draft.target)}</span>
              </span>
            </p>
          )}
          <Findings title={texts.warnings} findings={reply.warnings} icon="triangle" group="warn" change={change}>
            {(finding) => (
              <Check
                label={texts.know}
                checked={known.has(warningKey(finding))}
                onChange={(isKnown) => onKnow(warningKey(finding), isKnown)}
              />
            )}
          </Findings>
          <Findings title={texts.hints} findings={newHints(reply, draft)} icon="diamond" group="wait" change={change} />
          <Statements reply={reply} />
        </>
      )}
    </section>
  );
}

/** Tells a warning from others; one with other numbers is another one. */
export function warningKey({ error_code: code, message }: PreviewFinding): string {
  return `${code} ${message}`;
}

/** Beside Snapshot, the form itself tells that the change feed is off. */
function newHints({ hints }: PreviewReply, { policy }: Draft): PreviewFinding[] {
  return hints.filter(({ error_code: code }) => policy !== 'SNAPSHOT' || code !== 'CHANGE_DATA_FEED_OFF');
}

function Columns({ reply, draft }: { readonly reply: PreviewReply; readonly draft: Draft }) {
  const isChosen = (name: string) => draft.chosen.length === 0 || [...draft.key, ...draft.chosen].includes(name);
  const columns = reply.source.columns.filter(({ name }) => isChosen(name));
  const impossible = columns.filter(({ problem }) => problem !== null).length;
  return (
    <p>
      <span class={`state ${impossible === 0 ? 'group-ok' : 'group-fail'}`}>
        <Icon name={impossible === 0 ? 'check' : 'octagon'} />
        <span>{texts.columns(columns.length, impossible)}</span>
      </span>
    </p>
  );
}

interface FindingsProps {
  readonly title: string;
  readonly findings: readonly PreviewFinding[];
  readonly icon: IconName;
  readonly group: string;
  readonly change: (change: Partial<Draft>) => void;
  /** Below each. */
  readonly children?: (finding: PreviewFinding) => preact.ComponentChildren;
}

function Findings({ title, findings, icon, group, change, children }: FindingsProps) {
  if (findings.length === 0) return null;
  return (
    <section class="findings">
      <h3>{title}</h3>
      <ul>
        {findings.map((finding) => (
          <li key={warningKey(finding)}>
            <span class={`state group-${group}`}>
              <Icon name={icon} />
              <span>{finding.message}</span>
            </span>
            <p>
              {finding.remedy} <a href={hrefOf(`/errors/${finding.error_code}`)}>{finding.error_code}</a>
            </p>
            <Ways finding={finding} change={change} />
            {children?.(finding)}
          </li>
        ))}
      </ul>
    </section>
  );
}

function Ways({ finding, change }: { finding: PreviewFinding; change: (change: Partial<Draft>) => void }) {
  const ways = finding.ways_out.flatMap((way) => {
    const [field = '', value] = Object.entries(way)[0] ?? [];
    const word = texts.ways[field]?.(String(value));
    const changed = changeFor(way);
    return word === undefined || changed === null ? [] : [{ word, changed }];
  });
  if (ways.length === 0) return null;
  return (
    <p class="ways">
      {ways.map(({ word, changed }) => (
        <button key={word} type="button" onClick={() => change(changed)}>
          {word}
        </button>
      ))}
    </p>
  );
}

function Statements({ reply: { statements } }: { readonly reply: PreviewReply }) {
  if (statements === null) return <p class="quiet">{texts.noStatements}</p>;
  const { sql, cli, curl, python } = statements;
  return (
    <CopyAs
      what={texts.statements}
      snippets={{ SQL: sql, ...(cli === null ? {} : { CLI: cli }), curl, Python: python }}
    />
  );
}
