import { type Command, InvalidArgumentError } from 'commander';
import { hashBearerToken, makeBearerToken } from '../api/identity/bearer-token.js';
import { syncedTablesError } from '../core/errors.js';
import { isUuid } from '../core/uuid.js';
import { homeDatabase, type ManagedDatabase } from '../sidecar/managed-databases.js';
import { chooseDatabases } from './connect/choose-database.js';
import { withDatabase } from './connect/database-session.js';
import {
  addConfigOption,
  addOutputOption,
  type OutputOptions,
  type SettingsOptions,
  settingsOf,
} from './options/command-options.js';
import { textTable } from './output/text-table.js';

interface InstanceOptions extends OutputOptions, SettingsOptions {
  readonly instance?: string;
}

interface CreateTokenOptions extends InstanceOptions {
  readonly role: string;
  readonly expires?: Date;
  readonly description?: string;
}

/** `token create`, `token list` and `token revoke`: who may call the HTTP API. */
export function addTokenCommand(program: Command): void {
  const command = program
    .command('token')
    .description('Create, list and revoke tokens of the HTTP API.')
    .addHelpText(
      'after',
      `
A token acts as one Postgres role. It is shown once; the database keeps only a hash of it.

Examples:
  synced-tables token create --role app_deployer --expires 90d
  synced-tables token list
  synced-tables token revoke 3f0e6c1a-5a51-4d0e-9a39-0d1f2b6c7e88`,
    );
  const create = command
    .command('create')
    .description('Create a token for a role, on every configured instance unless one is chosen.')
    .requiredOption('--role <name>', 'the Postgres role that its bearer acts as')
    .option('--expires <when>', 'for example 90d, 12h, 30m or 2027-01-31 (default: never)', parseExpiry)
    .option('--description <text>', 'what it is for')
    .addHelpText(
      'after',
      `
The token is the only line of standard output; what it stands for goes to standard error.

Examples:
  synced-tables token create --role app_deployer --expires 90d --description "deploys of the shop"
  DATABRICKS_TOKEN=$(synced-tables token create --role app_deployer)`,
    )
    .action(createToken);
  const list = command
    .command('list')
    .description('Show all tokens, without their secrets.')
    .addHelpText('after', '\nExamples:\n  synced-tables token list')
    .action(listTokens);
  const revoke = command
    .command('revoke')
    .description('Revoke a token; it stops working at once.')
    .argument('<token-id>', 'as token list shows it', parseTokenId)
    .addHelpText('after', '\nExamples:\n  synced-tables token revoke 3f0e6c1a-5a51-4d0e-9a39-0d1f2b6c7e88')
    .action(revokeToken);
  for (const each of [create, list, revoke]) {
    addOutputOption(
      addConfigOption(each).option('--instance <name>', 'Postgres server, where the settings name several'),
    );
  }
}

const SECONDS: Readonly<Record<string, number>> = { m: 60, h: 3_600, d: 86_400 };

function parseExpiry(text: string): Date {
  const [, count, unit = ''] = /^(\d{1,6})([mhd])$/.exec(text) ?? [];
  const time = count === undefined ? Date.parse(text) : Date.now() + Number(count) * (SECONDS[unit] ?? 0) * 1000;
  if (Number.isNaN(time)) throw new InvalidArgumentError('It must be a time such as 90d, 12h or 2027-01-31T12:00:00Z.');
  return new Date(time);
}

function parseTokenId(text: string): string {
  if (isUuid(text.toLowerCase())) return text;
  throw new InvalidArgumentError('It must be the id of a token; see synced-tables token list.');
}

/** The home databases of the chosen instances, which store the tokens. */
function homesOf(options: InstanceOptions): ManagedDatabase[] {
  const settings = settingsOf(options, { postgres: true });
  const chosen = chooseDatabases(settings, options.instance === undefined ? {} : { instance: options.instance });
  return [...new Set(chosen.map(({ instance }) => instance))].map((instance) => homeDatabase(settings, instance));
}

async function createToken(options: CreateTokenOptions): Promise<void> {
  const token = makeBearerToken();
  const tokens: { instance: string; token_id: string }[] = [];
  for (const home of homesOf(options)) {
    const { rows } = await withDatabase(home, (client) =>
      client.query<{ token_id: string }>('select synced_tables.create_token($1, $2, $3, $4) as token_id', [
        options.role,
        hashBearerToken(token),
        options.expires ?? null,
        options.description ?? null,
      ]),
    );
    tokens.push({ instance: home.instance, token_id: rows[0]?.token_id ?? '' });
  }
  const expiresAt = options.expires?.toISOString() ?? null;
  if (options.output === 'json') {
    process.stdout.write(`${JSON.stringify({ token, role: options.role, expires_at: expiresAt, tokens })}\n`);
    return;
  }
  const until = expiresAt === null ? 'until it is revoked' : `until ${expiresAt}`;
  const ids = tokens.map(({ instance, token_id: id }) => `${id} on ${instance}`).join(', ');
  process.stdout.write(`${token}\n`);
  process.stderr.write(`It acts as role ${options.role} ${until} (id ${ids}) and is not shown again.\n`);
}

const COLUMNS = ['token_id', 'role_name', 'state', 'description', 'created_by', 'created_at', 'expires_at'] as const;
const CELL_WIDTH_MAX = 40;

async function listTokens(options: InstanceOptions): Promise<void> {
  const rows: Record<string, string | null>[] = [];
  for (const home of homesOf(options)) {
    const columns = COLUMNS.map((column) => `${column}::text`).join(', ');
    const found = await withDatabase(home, (client) =>
      client.query<Record<string, string | null>>(
        `select $1::text as instance, ${columns} from synced_tables.tokens order by tokens.created_at`,
        [home.instance],
      ),
    );
    rows.push(...found.rows);
  }
  const header = ['instance', ...COLUMNS];
  const text =
    options.output === 'json'
      ? JSON.stringify(rows)
      : textTable(
          header,
          rows.map((row) => header.map((column) => row[column] ?? null)),
          CELL_WIDTH_MAX,
        );
  process.stdout.write(`${text}\n`);
}

async function revokeToken(tokenId: string, options: InstanceOptions): Promise<void> {
  let isFound = false;
  for (const home of homesOf(options)) {
    isFound ||= await withDatabase(home, async (client) => {
      const { rowCount } = await client.query('select from synced_tables.tokens where token_id = $1', [tokenId]);
      if (rowCount === 0) return false;
      await client.query('select synced_tables.revoke_token($1)', [tokenId]);
      return true;
    });
  }
  if (!isFound) throw syncedTablesError('TOKEN_NOT_FOUND', { token: tokenId });
  const text =
    options.output === 'json'
      ? JSON.stringify({ token_id: tokenId, is_revoked: true })
      : `Token ${tokenId} is worth nothing from now on.`;
  process.stdout.write(`${text}\n`);
}
