import { type Command, InvalidArgumentError, Option } from 'commander';
import { loadSettings, type SettingsSource } from '../../settings/load-settings.js';
import type { Settings } from '../../settings/settings-schema.js';

export type Output = 'table' | 'json';

export interface OutputOptions {
  readonly output: Output;
}

export interface SettingsOptions {
  readonly config?: string;
}

/** Selects the database of a command. */
export interface DatabaseOptions extends SettingsOptions {
  readonly instance?: string;
  readonly database?: string;
}

/** Adds `--output table|json` and `--json`, which also decide the form of errors. */
export function addOutputOption(command: Command): Command {
  const option = new Option('--output <form>', 'how results and errors are shown').choices(['table', 'json']);
  const short = new Option('--json', 'short for --output json').implies({ output: 'json' });
  return command.addOption(option.default('table')).addOption(short);
}

export function addConfigOption(command: Command): Command {
  return command.option('--config <file>', 'settings file (default: $SYNCED_TABLES_CONFIG, else ./synced-tables.yaml)');
}

export function addDatabaseOptions(command: Command): Command {
  return addConfigOption(command)
    .option('--instance <name>', 'Postgres server, where the settings name several')
    .option('--database <name>', 'database of that server (default: the one of the settings)');
}

/** Where the settings of the command come from. */
export function settingsSource(options: SettingsOptions): SettingsSource {
  const file = options.config === undefined ? {} : { file: options.config };
  return { ...file, environment: process.env, workingFolder: process.cwd() };
}

/** The settings for the command. */
export function settingsOf(options: SettingsOptions, needs: { readonly postgres: boolean }): Settings {
  return loadSettings({ ...settingsSource(options), needsPostgres: needs.postgres });
}

/** Collects `a,b` and repeated options into one list of column names. */
export function collectColumns(text: string, previous: readonly string[] | undefined): string[] {
  const names = text.split(',').map((name) => name.trim());
  if (names.includes('')) throw new InvalidArgumentError('It must be column names separated by commas.');
  return [...(previous ?? []), ...names];
}

export function parsePort(text: string): number {
  const port = Number(text);
  if (!/^\d+$/.test(text) || port > 65_535) throw new InvalidArgumentError('It must be a number from 0 to 65535.');
  return port;
}

/** A whole number of up to 18 digits. */
export function parseCount(text: string): bigint {
  if (!/^\d{1,18}$/.test(text)) throw new InvalidArgumentError('It must be a whole number.');
  return BigInt(text);
}
