import { useState } from 'preact/hooks';
import type { NewTokenReply, TokenListReply } from '../../../api/native/tokens/token-schema.js';
import { hrefOf, serverUrl } from '../../app/places.js';
import { setQuery, usePlace } from '../../app/router.js';
import { useMe } from '../../data/me.js';
import { useQuery } from '../../data/use-query.js';
import { ActionButton } from '../../parts/action-button.js';
import { CopyAs } from '../../parts/copy-as.js';
import { Loaded } from '../../parts/loaded.js';
import { Page } from '../../parts/page.js';
import { Skeleton } from '../../parts/skeleton.js';
import { callSnippets } from '../../words/quoting.js';
import { MadeToken } from './made-token.js';
import { NewToken } from './new-token.js';
import { tokensTexts } from './texts.js';
import { TokenRow } from './token-row.js';
import './tokens.css';

const TOKENS = '/api/2.0/synced-tables/tokens';

/** Who may call, and with which rights. */
export function Screen() {
  const { query } = usePlace();
  const { data: me } = useMe();
  const refusal = me && !me.may.tokens ? tokensTexts.refused : null;
  const list = useQuery<TokenListReply>(refusal === null ? TOKENS : null, { isLive: false });
  const [made, setMade] = useState<NewTokenReply | null>(null);
  const isMaking = query.get('new') === '1';
  const isFirst = me?.has_tokens === false;
  return (
    <Page
      title={tokensTexts.title}
      actions={
        <ActionButton isPrimary refusal={refusal} onClick={() => setQuery({ new: '1' })}>
          {tokensTexts.create}
        </ActionButton>
      }
    >
      {made && <MadeToken made={made} onClose={() => setMade(null)} />}
      {isMaking && refusal === null && (
        <NewToken
          isFirst={isFirst}
          onMade={(reply) => {
            setMade(reply);
            setQuery({ new: null });
            list.refetch();
          }}
          onCancel={() => setQuery({ new: null })}
        />
      )}
      {refusal !== null && <p class="box">{refusal}</p>}
      {refusal === null && (
        <Loaded query={list} what={tokensTexts.what} skeleton={<Skeleton rows={4} />}>
          {(reply) => <TokenList reply={reply} onRevoked={list.refetch} showsAll={query.get('all') === '1'} />}
        </Loaded>
      )}
    </Page>
  );
}

interface TokenListProps {
  readonly reply: TokenListReply;
  readonly onRevoked: () => void;
  readonly showsAll: boolean;
}

function TokenList({ reply, onRevoked, showsAll }: TokenListProps) {
  const dead = reply.tokens.filter(({ state }) => state === 'REVOKED' || state === 'EXPIRED');
  const shown = showsAll ? reply.tokens : reply.tokens.filter((token) => !dead.includes(token));
  return (
    <>
      {reply.unreachable.map(({ instance, message, error_code: code }) => (
        <p key={instance} class="box box-fail">
          <strong>{tokensTexts.down(instance)}</strong> {message} <a href={hrefOf(`/errors/${code}`)}>{code}</a>
        </p>
      ))}
      {reply.tokens.length === 0 && (
        <section class="empty">
          <h2>{tokensTexts.empty.title}</h2>
          <p>{tokensTexts.empty.why}</p>
        </section>
      )}
      {shown.length > 0 && (
        <table class="list tokens">
          <thead>
            <tr>
              {Object.entries(tokensTexts.columns).map(([name, word]) => (
                <th key={name} scope="col">
                  {word}
                </th>
              ))}
              <td />
            </tr>
          </thead>
          <tbody>
            {shown.map((token) => (
              <TokenRow key={token.token_id} token={token} onRevoked={onRevoked} />
            ))}
          </tbody>
        </table>
      )}
      <footer class="list-foot">
        {dead.length > 0 && (
          <button type="button" aria-pressed={showsAll} onClick={() => setQuery({ all: showsAll ? null : '1' })}>
            {showsAll ? tokensTexts.hideAll : tokensTexts.showAll}
          </button>
        )}
        <details>
          <summary>{tokensTexts.elsewhere}</summary>
          <CopyAs
            what={tokensTexts.thisList}
            snippets={{
              SQL: 'SELECT * FROM synced_tables.tokens ORDER BY created_at DESC;',
              CLI: 'synced-tables token list',
              ...callSnippets(serverUrl, { method: 'GET', path: TOKENS }),
            }}
          />
        </details>
      </footer>
    </>
  );
}
