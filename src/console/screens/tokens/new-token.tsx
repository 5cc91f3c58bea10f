import { useState } from 'preact/hooks';
import type { NewTokenReply } from '../../../api/native/tokens/token-schema.js';
import { serverUrl } from '../../app/places.js';
import { useMe } from '../../data/me.js';
import { refetch } from '../../data/query-cache.js';
import { call } from '../../data/request.js';
import { beginSession } from '../../data/session.js';
import { useAct } from '../../data/use-act.js';
import { useQuery } from '../../data/use-query.js';
import { ActError } from '../../parts/act-error.js';
import { CopyAs } from '../../parts/copy-as.js';
import { callSnippets, quoteShell } from '../../words/quoting.js';
import { tokensTexts } from './texts.js';

const { form } = tokensTexts;
const TOKENS = '/api/2.0/synced-tables/tokens';
const DAY_MS = 86_400_000;
const DEFAULT_DAYS = '30';

type Choice = keyof typeof form.choices;

interface NewTokenProps {
  /** Whether it ends open access. */
  readonly isFirst: boolean;
  readonly onMade: (reply: NewTokenReply) => void;
  readonly onCancel: () => void;
}

interface RoleList {
  readonly database_instance_roles: readonly { readonly name: string }[];
}

/** Makes a token. The first one signs this browser in at once: without it, the next request would be refused. */
export function NewToken({ isFirst, onMade, onCancel }: NewTokenProps) {
  const [role, setRole] = useState('');
  const [description, setDescription] = useState('');
  const [choice, setChoice] = useState<Choice>(DEFAULT_DAYS);
  const [day, setDay] = useState('');
  const { isBusy, error, run } = useAct();
  const { data: me } = useMe();
  const instance = me?.instances[0]?.name;
  const roles = useQuery<RoleList>(
    instance === undefined ? null : `/api/2.0/database/instances/${encodeURIComponent(instance)}/roles`,
    { isLive: false },
  );
  const body = { role, ...(description === '' ? {} : { description }), expires_at: expiryOf(choice, day) };
  const make = () =>
    run(async () => {
      const made = await call<NewTokenReply>(TOKENS, { method: 'POST', body });
      if (isFirst) {
        await beginSession(made.token);
        // The caller has changed; what is shown is asked for anew.
        refetch('');
      }
      onMade(made);
    });
  return (
    <form
      class="box new-token"
      aria-labelledby="new-token"
      onSubmit={(event) => {
        event.preventDefault();
        void make();
      }}
    >
      <h2 id="new-token">{form.title}</h2>
      {isFirst && <p class="box box-warn">{form.first}</p>}
      <label for="token-role">{form.role}</label>
      <input
        id="token-role"
        type="text"
        required
        list="token-roles"
        autocomplete="off"
        aria-describedby="token-role-help"
        value={role}
        onInput={({ currentTarget }) => setRole(currentTarget.value)}
      />
      <datalist id="token-roles">
        {roles.data?.database_instance_roles.map(({ name }) => (
          <option key={name} value={name} />
        ))}
      </datalist>
      <p id="token-role-help" class="quiet">
        {form.roleHelp}
      </p>
      <label for="token-description">{form.description}</label>
      <input
        id="token-description"
        type="text"
        aria-describedby="token-description-help"
        value={description}
        onInput={({ currentTarget }) => setDescription(currentTarget.value)}
      />
      <p id="token-description-help" class="quiet">
        {form.descriptionHelp}
      </p>
      <label for="token-expires">{form.expires}</label>
      <select
        id="token-expires"
        value={choice}
        onChange={({ currentTarget }) => setChoice(currentTarget.value as Choice)}
      >
        {Object.entries(form.choices).map(([value, word]) => (
          <option key={value} value={value}>
            {word}
          </option>
        ))}
      </select>
      {choice === 'date' && (
        <label>
          <span class="hidden">{form.date}</span>
          <input type="date" required value={day} onInput={({ currentTarget }) => setDay(currentTarget.value)} />
        </label>
      )}
      {choice === 'never' && <p class="box box-warn">{form.neverWarning}</p>}
      <ActError error={error} />
      <p class="page-actions">
        <button type="submit" class="primary" aria-disabled={isBusy}>
          {isBusy ? form.busy : form.submit}
        </button>
        <button type="button" onClick={onCancel}>
          {tokensTexts.cancel}
        </button>
      </p>
      <CopyAs
        what={form.title}
        snippets={{
          CLI: cliText(role, description, choice, day),
          ...callSnippets(serverUrl, {
            method: 'POST',
            path: TOKENS,
            body: { ...body, role: role === '' ? 'NAME' : role },
          }),
        }}
      />
    </form>
  );
}

/** Null: never. */
function expiryOf(choice: Choice, day: string): string | null {
  if (choice === 'never') return null;
  if (choice === 'date') return day === '' ? null : new Date(`${day}T23:59:59`).toISOString();
  return new Date(Math.ceil(Date.now() / 60_000) * 60_000 + Number(choice) * DAY_MS).toISOString();
}

function cliText(role: string, description: string, choice: Choice, day: string): string {
  const expires = choice === 'date' ? (expiryOf(choice, day) ?? '') : `${choice}d`;
  return [
    `synced-tables token create --role ${role === '' ? 'NAME' : quoteShell(role)}`,
    ...(description === '' ? [] : [`--description ${quoteShell(description)}`]),
    ...(choice === 'never' || expires === '' ? [] : [`--expires ${expires}`]),
  ].join(' ');
}
