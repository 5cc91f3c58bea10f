import { useState } from 'preact/hooks';
import type { TokenListReply } from '../../../api/native/tokens/token-schema.js';
import { serverUrl } from '../../app/places.js';
import { call } from '../../data/request.js';
import { useAct } from '../../data/use-act.js';
import { ActError } from '../../parts/act-error.js';
import { CopyAs } from '../../parts/copy-as.js';
import { Icon } from '../../parts/icon.js';
import { Ago } from '../../parts/time.js';
import { callSnippets, quoteLiteral } from '../../words/quoting.js';
import { tokensTexts } from './texts.js';

type Token = TokenListReply['tokens'][number];

const LOOKS = {
  ACTIVE: { icon: 'check', group: 'ok' },
  EXPIRED: { icon: 'clock', group: 'wait' },
  REVOKED: { icon: 'struck', group: 'wait' },
  ROLE_MISSING: { icon: 'octagon', group: 'fail' },
} as const;

/** A token: a row, or a card where there is little room. Revoking asks first, with what it means. */
export function TokenRow({ token, onRevoked }: { readonly token: Token; readonly onRevoked: () => void }) {
  const [isAsking, setAsking] = useState(false);
  const { icon, group } = LOOKS[token.state];
  return (
    <>
      <tr>
        <td>
          <span class={`state group-${group}`}>
            <Icon name={icon} />
            <span>{tokensTexts.states[token.state]}</span>
          </span>
        </td>
        <td>{token.description ?? <span class="quiet">{tokensTexts.noDescription}</span>}</td>
        <td>{token.role}</td>
        <td>
          <span class="card-word">{tokensTexts.columns.created} </span>
          <Ago time={token.created_at} /> <span class="quiet">{tokensTexts.by(token.created_by)}</span>
        </td>
        <td>
          <span class="card-word">{tokensTexts.columns.expires} </span>
          {token.expires_at === null ? tokensTexts.never : <Ago time={token.expires_at} />}
        </td>
        <td>
          <span class="card-word">{tokensTexts.columns.used} </span>
          {token.last_used_at === null ? (
            <span class="quiet">{tokensTexts.notUsed}</span>
          ) : (
            <Ago time={token.last_used_at} />
          )}
        </td>
        <td>
          {token.state !== 'REVOKED' && (
            <button type="button" aria-expanded={isAsking} onClick={() => setAsking(!isAsking)}>
              {tokensTexts.revoke}
            </button>
          )}
        </td>
      </tr>
      {isAsking && (
        <tr>
          <td colSpan={7}>
            <RevokeToken token={token} onCancel={() => setAsking(false)} onRevoked={onRevoked} />
          </td>
        </tr>
      )}
    </>
  );
}

interface RevokeTokenProps {
  readonly token: Token;
  readonly onCancel: () => void;
  readonly onRevoked: () => void;
}

function RevokeToken({ token, onCancel, onRevoked }: RevokeTokenProps) {
  const { error, run } = useAct();
  const path = `/api/2.0/synced-tables/tokens/${token.token_id}`;
  const revoke = async () => {
    if (!(await run(() => call(path, { method: 'DELETE' })))) return;
    onCancel();
    onRevoked();
  };
  return (
    <div class="box box-warn">
      <p>{tokensTexts.revokeAsk(token.role)}</p>
      <ActError error={error} />
      <p class="page-actions">
        <button type="button" class="primary" onClick={() => void revoke()}>
          {tokensTexts.revokeNow}
        </button>
        <button type="button" onClick={onCancel}>
          {tokensTexts.cancel}
        </button>
      </p>
      <CopyAs
        what={tokensTexts.revoke}
        snippets={{
          SQL: `SELECT synced_tables.revoke_token(${quoteLiteral(token.token_id)});`,
          CLI: `synced-tables token revoke ${token.token_id}`,
          ...callSnippets(serverUrl, { method: 'DELETE', path }),
        }}
      />
    </div>
  );
}
