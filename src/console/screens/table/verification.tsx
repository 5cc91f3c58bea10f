import type { TableSummary } from '../../../api/native/tables/table-summary-schema.js';
import type { VerificationReply } from '../../../api/native/tables/verification-schema.js';
import { hrefOf } from '../../app/places.js';
import { roleOf, useMe } from '../../data/me.js';
import { call } from '../../data/request.js';
import { tablePath } from '../../data/tables.js';
import { useAct } from '../../data/use-act.js';
import { useSnippetPlace } from '../../data/use-snippet-place.js';
import { ActError } from '../../parts/act-error.js';
import { CopyAs } from '../../parts/copy-as.js';
import { Fact } from '../../parts/facts.js';
import { Icon } from '../../parts/icon.js';
import { Ago } from '../../parts/time.js';
import { cancelVerificationSnippets } from '../../words/act-snippets.js';
import { numberText } from '../../words/numbers.js';
import { quoteIdentifier } from '../../words/quoting.js';
import { Differences } from './differences.js';
import { verifyTexts } from './verify-texts.js';

interface VerificationProps {
  readonly table: TableSummary;
  readonly verification: VerificationReply;
  readonly isOpen: boolean;
  readonly onCanceled: () => void;
}

/** One verification: its result in a word, then in numbers, then in rows. */
export function Verification({ table, verification, isOpen, onCanceled }: VerificationProps) {
  const { look, word } = lookOf(verification);
  const link = `/tables/${encodeURIComponent(table.name)}/verify/${verification.verification_id}`;
  return (
    <details class={`box ${verification.is_equal === false ? 'box-fail' : ''}`} open={isOpen}>
      <summary>
        <span class={`state group-${look.group}`}>
          <Icon name={look.icon} />
          <span>{word}</span>
        </span>{' '}
        <Ago time={verification.finished_at ?? verification.created_at} />
        {verification.requested_by !== null && `, ${verifyTexts.byRole(verification.requested_by)}`}
        {verification.synced_version !== null && `, ${verifyTexts.version(numberText(verification.synced_version))}`}
      </summary>
      <p>
        {verification.message} {verification.remedy}{' '}
        {verification.error_code && (
          <a href={hrefOf(`/errors/${verification.error_code}`)}>{verification.error_code}</a>
        )}
      </p>
      <Counts verification={verification} />
      {(verification.state === 'QUEUED' || verification.state === 'RUNNING') && (
        <Cancel table={table} id={verification.verification_id} onCanceled={onCanceled} />
      )}
      {verification.is_equal === false && <Rows table={table} verification={verification} />}
      <a href={hrefOf(link)}>{verification.verification_id}</a>
    </details>
  );
}

function lookOf({ state, is_equal: isEqual }: VerificationReply) {
  if (state === 'COMPLETED' && isEqual === true)
    return { look: { icon: 'check', group: 'ok' }, word: verifyTexts.equal } as const;
  if (state === 'COMPLETED') return { look: { icon: 'octagon', group: 'fail' }, word: verifyTexts.different } as const;
  const word = verifyTexts.states[state];
  if (state === 'FAILED') return { look: { icon: 'octagon', group: 'fail' }, word } as const;
  if (state === 'CANCELED') return { look: { icon: 'struck', group: 'wait' }, word } as const;
  return { look: { icon: state === 'QUEUED' ? 'clock' : 'run', group: 'run' }, word } as const;
}

function Counts({ verification: v }: { readonly verification: VerificationReply }) {
  const { facts } = verifyTexts;
  const shown = [
    [facts.source, v.source_rows],
    [facts.target, v.target_rows],
    [facts.missing, v.missing_rows],
    [facts.extra, v.extra_rows],
    [facts.different, v.different_rows],
  ] as const;
  if (v.source_rows === null) return null;
  return (
    <dl class="facts">
      {shown.map(([name, count]) => (
        <Fact key={name} name={name}>
          {count === null ? '' : numberText(count)}
        </Fact>
      ))}
    </dl>
  );
}

function Rows({ table, verification }: { readonly table: TableSummary; readonly verification: VerificationReply }) {
  const { data: me } = useMe();
  const { differences, may_read_rows: mayRead } = verification;
  if (differences !== null && differences.length > 0) return <Differences differences={differences} />;
  if (mayRead) return <p class="quiet">{verifyTexts.differencesGone}</p>;
  const role = me === undefined ? '…' : quoteIdentifier(roleOf(me));
  return <p class="quiet">{verifyTexts.differencesHidden(table.sql_name, role)}</p>;
}

interface CancelProps {
  readonly table: TableSummary;
  readonly id: string;
  readonly onCanceled: () => void;
}

function Cancel({ table, id, onCanceled }: CancelProps) {
  const act = useAct();
  const place = useSnippetPlace(table);
  const path = `${tablePath(table.name)}/verifications/${id}?instance=${encodeURIComponent(table.instance)}`;
  return (
    <>
      <p>
        <button
          type="button"
          title={verifyTexts.cancelFor}
          onClick={() => void act.run(() => call(path, { method: 'DELETE' })).then(onCanceled)}
        >
          {verifyTexts.cancel}
        </button>
      </p>
      <ActError error={act.error} />
      <details>
        <summary>{verifyTexts.elsewhere}</summary>
        <CopyAs what={verifyTexts.cancel} snippets={cancelVerificationSnippets(place, table, id)} />
      </details>
    </>
  );
}
