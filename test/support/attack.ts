import { expect, it } from 'vitest';
import { type Actor, fingerprint, type GuardedDatabase } from './guarded-database.js';
import type { TestServer } from './test-server.js';

/** What a role tries with what it may do. Statements run one by one, each committed; what they answer does not matter. */
export interface Attack {
  readonly name: string;
  readonly as: Actor;
  /** Run by a superuser before the fingerprint is taken. */
  readonly setup?: readonly string[];
  readonly statements: readonly string[];
  /** Takes back what setup did. */
  readonly cleanup?: readonly string[];
  /** PostgreSQL before 16 lets it through; see docs/guides/permissions.md. */
  readonly succeedsBefore16?: boolean;
}

/** Gives the attackers what they bring along: a trigger function, and a table of each. */
export async function armAttackers({ database, sessions }: GuardedDatabase): Promise<void> {
  await database.admin.query(
    'create function own.tf() returns trigger language plpgsql as $$ begin return new; end $$',
  );
  for (const actor of ['manager', 'keeper', 'other'] as const) {
    await sessions[actor].query(`create table own.${actor}_t as select 'n'::text as note`);
  }
}

/** One test for each attack: nothing of a synced table has changed after it. */
export function itWithstands(attacks: readonly Attack[], server: TestServer, guarded: () => GuardedDatabase): void {
  // What an attack that changed nothing has left is what the next one finds: taking it is most of a test.
  let left: string | null = null;
  it.each(attacks)('$name', async ({ as, setup = [], statements, cleanup = [], succeedsBefore16 }) => {
    const { admin } = guarded().database;
    const session = guarded().sessions[as];
    const untouched = left ?? (await fingerprint(admin));
    left = null;
    for (const sql of setup) await admin.query(fillIn(guarded(), sql, as));
    const before = setup.length > 0 ? await fingerprint(admin) : untouched;
    for (const sql of statements) await session.query(fillIn(guarded(), sql, as)).catch(() => {});
    await session.query('rollback').catch(() => {});
    const after = await fingerprint(admin);
    for (const sql of cleanup) await admin.query(fillIn(guarded(), sql, as));
    await admin.query('drop index if exists own.mine; drop function if exists own.f(text) cascade');
    if (succeedsBefore16 && server.major < 16) expect(changes(before, after)).not.toEqual([]);
    else expect(changes(before, after)).toEqual([]);
    if (cleanup.length > 0) {
      expect(changes(withoutRights(untouched), withoutRights(await fingerprint(admin)))).toEqual([]);
    } else if (setup.length === 0 && before === after) {
      left = after;
    }
  });
}

/** Puts names for `{part}`, `{bare}` (without its schema), `{owner}`, `{me}`, `{actor}` and the roles. */
function fillIn(guarded: GuardedDatabase, sql: string, actor: Actor): string {
  const names: Record<string, string> = {
    ...guarded.roles,
    part: guarded.part,
    owner: guarded.owner,
    actor,
    bare: guarded.part.replace('__db_system.', ''),
    me: guarded.roles[actor],
  };
  return sql.replace(/\{(\w+)\}/g, (whole, name: string) => names[name] ?? whole);
}

/** Rights that setup and cleanup give and take may come back in another spelling (NULL or the default, spelled out). */
function withoutRights(text: string): string {
  return text.replace(/^\s*"relacl".*$/gm, '').replace(/^.*__db_system \S+ .*$/gm, '');
}

function lines(text: string): string[] {
  return text.split('\n').map((line) => line.replace(/,$/, ''));
}

/** Lines that only one of two fingerprints has. */
export function changes(before: string, after: string): string[] {
  if (before === after) return [];
  const [old, now] = [new Set(lines(before)), new Set(lines(after))];
  return [
    ...[...old].filter((line) => !now.has(line)).map((line) => `- ${line}`),
    ...[...now].filter((line) => !old.has(line)).map((line) => `+ ${line}`),
  ];
}
