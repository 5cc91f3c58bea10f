import { type Command, Option } from 'commander';
import type pg from 'pg';
import { countOf } from '../core/count-of.js';
import { asSyncedTablesError, SyncedTablesError } from '../core/errors.js';
import { writeInstallScript } from '../postgres/install/install-script.js';
import { type MigrationResult, migrateDatabase } from '../postgres/install/migrate.js';
import type { Settings } from '../settings/settings-schema.js';
import { homeDatabase, type ManagedDatabase } from '../sidecar/managed-databases.js';
import { chooseDatabases } from './connect/choose-database.js';
import { withDatabase } from './connect/database-session.js';
import {
  addDatabaseOptions,
  addOutputOption,
  type DatabaseOptions,
  type OutputOptions,
  settingsOf,
} from './options/command-options.js';
import { makeFirstToken } from './preparing/first-token.js';
import { prepareSidecarRole, readPassword } from './preparing/sidecar-role.js';

interface MigrateCommandOptions extends DatabaseOptions, OutputOptions {
  readonly sidecarRole?: string;
  readonly sidecarPasswordFile?: string;
  readonly sql?: true;
}

export function addMigrateCommand(program: Command): void {
  const command = program
    .command('migrate')
    .description(
      'Install or update the SQL side of synced tables in every managed database, as a superuser or as an administrator.',
    )
    .option('--sidecar-role <name>', 'also let this role run a sidecar, and create it if it does not exist')
    .option('--sidecar-password-file <file>', 'the password of that role; it is set anew each time', readPassword)
    .addOption(
      new Option('--sql', 'install nothing; print the whole installation as one script for a superuser').conflicts([
        // It is the same for all databases, and no login is made.
        'instance',
        'database',
        'sidecarRole',
        'sidecarPasswordFile',
      ]),
    )
    .addHelpText(
      'after',
      `
Safe to run again: what is there already stays as it is. If the settings have api.first_token, that token is made on
instances that never had one.

Examples:
  synced-tables migrate
  synced-tables migrate --sidecar-role sidecar --sidecar-password-file /run/secrets/sidecar-password
  synced-tables migrate --instance local --database app
  synced-tables migrate --sql > install.sql
  DATABASE_URL=postgres://postgres@localhost/app synced-tables migrate --output json`,
    )
    .action(migrate);
  addOutputOption(addDatabaseOptions(command));
}

async function migrate(options: MigrateCommandOptions): Promise<void> {
  if (options.sql === true) {
    process.stdout.write(await writeInstallScript());
    return;
  }
  const settings = settingsOf(options, { postgres: true });
  const databases = chooseDatabases(settings, options);
  const results: { database: string; applied: readonly string[]; replaced_routines: boolean; guard: string }[] = [];
  let refusal: SyncedTablesError | null = null;
  const installed: ManagedDatabase[] = [];
  for (const database of databases) {
    const result = await withDatabase(database, (client) => migrateAndLook(client).catch(refused), true);
    if (result instanceof SyncedTablesError) {
      refusal ??= result;
      continue;
    }
    installed.push(database);
    const { applied, hasReplacedRoutines, guard } = result;
    results.push({ database: database.name, applied, replaced_routines: hasReplacedRoutines, guard });
    if (options.output === 'table') {
      process.stdout.write(
        `${database.name}: ${describe(result)}\n${applied.map((file) => `  ${file}\n`).join('')}${explain(guard)}`,
      );
    }
  }
  for (const instance of new Set(installed.map((database) => database.instance))) {
    await prepareInstance(instance, installed, settings, options);
  }
  if (options.output === 'json') process.stdout.write(`${JSON.stringify(results)}\n`);
  if (refusal !== null) throw refusal;
}

/** What belongs to the whole server: the role of the sidecar, and the first token in the home database. */
async function prepareInstance(
  instance: string,
  installed: readonly ManagedDatabase[],
  settings: Settings,
  { sidecarRole: role, sidecarPasswordFile: password, output }: MigrateCommandOptions,
): Promise<void> {
  const say = (text: string) => void (output === 'table' && process.stdout.write(`${instance}: ${text}\n`));
  const home = homeDatabase(settings, instance);
  const database =
    installed.find(({ name }) => name === home.name) ?? installed.find((each) => each.instance === instance);
  if (database === undefined) return;
  if (role !== undefined) {
    const sidecar = { role, password: password ?? null };
    const isNew = await withDatabase(database, (client) => prepareSidecarRole(client, sidecar));
    say(isNew ? `created role ${role}, which may run a sidecar` : `role ${role} may run a sidecar`);
  }
  if (database.name !== home.name) return;
  const tokenRole = await withDatabase(home, (client) => makeFirstToken(client, settings, instance));
  if (tokenRole !== null) say(`made the first token, which acts as ${tokenRole}`);
}

async function migrateAndLook(client: pg.Client): Promise<MigrationResult & { guard: string }> {
  const result = await migrateDatabase(client);
  const { rows } = await client.query<{ guard: string }>('select guard from synced_tables.installation');
  return { ...result, guard: rows[0]?.guard ?? '' };
}

function explain(guard: string): string {
  if (guard !== 'by ownership') return '';
  return '  Guarded by ownership alone: this server lets the role make no event triggers, so managers index with\n  synced_tables.create_index. See docs/guides/managed-postgres.md for what else differs.\n';
}

/** A database that can never be used does not keep the others from being migrated. */
function refused(error: unknown): SyncedTablesError {
  const known = asSyncedTablesError(error);
  if (known?.code !== 'DATABASE_ENCODING_UNSUPPORTED') throw error;
  return known;
}

function describe({ applied, hasReplacedRoutines }: MigrationResult): string {
  const done = [
    ...(applied.length > 0 ? [`applied ${countOf(applied.length, 'migration')}`] : []),
    ...(hasReplacedRoutines ? ['brought functions and views up to date'] : []),
  ];
  return done.length === 0 ? 'up to date' : done.join(', ');
}
