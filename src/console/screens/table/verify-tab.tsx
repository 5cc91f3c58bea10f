import './table-tabs.css';
import type { VerificationListReply, VerificationReply } from '../../../api/native/tables/verification-schema.js';
import { hrefOf } from '../../app/places.js';
import { call } from '../../data/request.js';
import { tablePath } from '../../data/tables.js';
import { useAct } from '../../data/use-act.js';
import { useQuery } from '../../data/use-query.js';
import { useSnippetPlace } from '../../data/use-snippet-place.js';
import { ActError } from '../../parts/act-error.js';
import { ActionButton } from '../../parts/action-button.js';
import { CopyAs } from '../../parts/copy-as.js';
import { Loaded } from '../../parts/loaded.js';
import { Skeleton } from '../../parts/skeleton.js';
import { verifySnippets } from '../../words/act-snippets.js';
import { sizeText } from '../../words/numbers.js';
import type { TableTabProps } from './tab-props.js';
import { Verification } from './verification.js';
import { verifyTexts } from './verify-texts.js';

/** Proofs that a table equals its source: ask for one, watch it, and read what differs. */
export function Tab({ table, item }: TableTabProps) {
  const instance = `?instance=${encodeURIComponent(table.instance)}`;
  const path = `${tablePath(table.name)}/verifications`;
  const list = useQuery<VerificationListReply>(`${path}${instance}`, {
    hints: ['verification:', 'table:'],
    isBusy: ({ verifications }) => verifications.some(isUnderWay),
  });
  const act = useAct();
  const place = useSnippetPlace(table);
  const refusal = refusalOf(table);
  const ask = () => void act.run(() => call(`${path}${instance}`, { method: 'POST' })).then(() => list.refetch());
  return (
    <>
      <p>{verifyTexts.what}</p>
      {table.size_bytes !== null && <p class="quiet">{verifyTexts.disk(sizeText(2 * Number(table.size_bytes)))}</p>}
      <p>
        <ActionButton isPrimary isBusy={act.isBusy} refusal={refusal} onClick={ask}>
          {verifyTexts.ask}
        </ActionButton>
      </p>
      <ActError error={act.error} />
      <Loaded query={list} what={verifyTexts.list} skeleton={<Skeleton rows={3} />}>
        {({ verifications }) => (
          <>
            {verifications.length === 0 && <p>{verifyTexts.none}</p>}
            {verifications
              .filter(({ verification_id: id }) => item === null || id === item)
              .map((verification, nth) => (
                <Verification
                  key={verification.verification_id}
                  table={table}
                  verification={verification}
                  isOpen={nth === 0 || item !== null}
                  onCanceled={list.refetch}
                />
              ))}
            {item !== null && (
              <p>
                <a href={hrefOf(`/tables/${encodeURIComponent(table.name)}/verify`)}>{verifyTexts.all}</a>
              </p>
            )}
          </>
        )}
      </Loaded>
      <details>
        <summary>{verifyTexts.elsewhere}</summary>
        <CopyAs what={verifyTexts.ask} snippets={verifySnippets(place, table)} />
      </details>
    </>
  );
}

export function isUnderWay({ state }: VerificationReply): boolean {
  return state === 'QUEUED' || state === 'RUNNING';
}

function refusalOf({ may, is_readable: isReadable }: TableTabProps['table']): string | null {
  if (!isReadable) return verifyTexts.notLoaded;
  return may.sync ? null : verifyTexts.refused;
}
