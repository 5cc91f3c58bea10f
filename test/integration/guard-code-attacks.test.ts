import { afterAll, beforeAll, describe } from 'vitest';
import { type Attack, armAttackers, itWithstands } from '../support/attack.js';
import { createGuardedDatabase, type GuardedDatabase } from '../support/guarded-database.js';
import { everyPostgresServer } from '../support/postgres.js';

// Goal: code of a manager that runs while a command of his holds the owner's rights changes nothing.

/** What code of a manager tries while a command of his holds the owner's rights. */
const payloads: Readonly<Record<string, string>> = {
  'REASSIGN OWNED to itself': 'reassign owned by {owner} to {me}',
  'REASSIGN OWNED of its own': 'reassign owned by {me} to {owner}',
  'GRANT of the owner role': 'grant {owner} to {me}',
  'GRANT with admin option': 'grant {owner} to {me} with admin option',
  'SET ROLE owner': 'set role {owner}',
  'GRANT on the table': 'grant all on gold.x to {me}',
  'GRANT on the partition': 'grant all on {part} to {me}',
  UPDATE: `update gold.x set note = 'mine'`,
  TRUNCATE: 'truncate gold.x',
  'ALTER TABLE': 'alter table gold.x add column mine int',
  'ALTER OWNER': 'alter table gold.x owner to {me}',
  DETACH: 'alter table gold.x detach partition {part}',
  'DROP of the partition': 'drop table {part} cascade',
  'TRUNCATE of the partition': 'truncate {part}',
  'DELETE in the partition': 'delete from {part}',
  'DROP of the gate': 'drop trigger databricks_write_guard on gold.x',
  'CREATE in __db_system': 'create table __db_system.mine (id int)',
  PUBLICATION: 'create publication mine for table gold.x',
  'CREATE TRIGGER': 'create trigger mine after insert on gold.x execute function own.tf()',
  'SECURITY DEFINER function': `create function gold.mine() returns void language sql security definer as 'truncate gold.x'`,
  'closing of the window': 'delete from databricks_auth.open_windows',
  'forging of a registration': `update databricks_auth.synced_tables set owner_role = '{me}'`,
  'CLUSTER of the partition': 'cluster {part} using x',
  'nested CREATE INDEX': 'create index mine on gold.x (id)',
  'nested DROP TABLE': 'drop table gold.y',
  'COMMENT on the table': `comment on table gold.x is 'mine'`,
  'appointing itself': `select databricks_synced_table_add_manager('gold.y', '{me}')`,
};

/** What databricks_superuser may do on purpose anyway, hence also in a function. */
const keepersRights = new Set(['UPDATE', 'GRANT on the table', 'appointing itself']);

function payloadFunction(payload: string): string[] {
  return [
    `create or replace function own.f(text) returns text language plpgsql immutable as $f$
       begin begin ${payload}; exception when others then null; end; return $1; end $f$`,
  ];
}

/** The two ways to have code run inside a window: an index of the table, and an own one whose text names the table. */
const windows: Readonly<Record<string, readonly string[]>> = {
  'an index of the synced table': [
    'create index mine on gold.x (own.f(note))',
    'create index mine on gold.x (note) where own.f(note) is not null',
  ],
  'an own index that names it': [
    'create index /* gold.x */ mine on own.{actor}_t (own.f(note))',
    'drop index own.mine',
  ],
  'a DO block': [`do $d$ begin create index /* x */ mine on own.{actor}_t (own.f(note)); drop index own.mine; end $d$`],
};

const codeInWindow: Attack[] = (['manager', 'keeper', 'other'] as const).flatMap((as) =>
  Object.entries(windows).flatMap(([window, commands]) =>
    Object.entries(payloads)
      .filter(([name]) => as !== 'keeper' || !keepersRights.has(name))
      .filter(([name]) => as !== 'other' || name !== 'nested DROP TABLE') // he manages gold.y
      .map(([name, payload]) => ({
        name: `${as}: ${name} from ${window}`,
        as,
        statements: [...payloadFunction(payload), ...commands],
      })),
  ),
);

describe.each(everyPostgresServer())('code in a window on $name', (server) => {
  let guarded: GuardedDatabase;
  beforeAll(async () => {
    guarded = await createGuardedDatabase(server);
    await armAttackers(guarded);
  });
  afterAll(() => guarded?.[Symbol.asyncDispose]());

  itWithstands(codeInWindow, server, () => guarded);
});
