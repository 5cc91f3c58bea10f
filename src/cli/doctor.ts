import type { Command } from 'commander';
import { asSyncedTablesError } from '../core/errors.js';
import type { Finding } from '../core/finding.js';
import { examine } from '../doctor/examine.js';
import { examineMachine } from '../doctor/examine-machine.js';
import { errorFinding, finding } from '../doctor/finding.js';
import { originOfSettings } from '../settings/load-settings.js';
import type { Settings } from '../settings/settings-schema.js';
import {
  addConfigOption,
  addOutputOption,
  type OutputOptions,
  type SettingsOptions,
  settingsOf,
  settingsSource,
} from './options/command-options.js';

export function addDoctorCommand(program: Command): void {
  const command = program
    .command('doctor')
    .description('Look for what keeps tables from being synced: settings, servers, rights, catalogs, sidecars, tables.')
    .option('--quiet', 'leave out what is in order')
    .addHelpText(
      'after',
      `
Changes nothing. Run it where the sidecar runs, with its settings. Exit code 1 if there is an error; warnings and hints
leave it at 0. Codes in capitals are stable; JSON has them with severity, subject, message and remedy.

Examples:
  synced-tables doctor
  synced-tables doctor --config /etc/synced-tables.yaml --json | jq '.findings[] | select(.severity == "error")'`,
    )
    .action(diagnose);
  addOutputOption(addConfigOption(command));
}

interface DoctorOptions extends SettingsOptions, OutputOptions {
  readonly quiet?: true;
}

async function diagnose(options: DoctorOptions): Promise<void> {
  const findings = await findingsOf(options);
  const isHealthy = findings.every(({ severity }) => severity !== 'error');
  const shown = findings.filter(({ severity }) => !options.quiet || severity !== 'ok');
  const text =
    options.output === 'json' ? JSON.stringify({ is_healthy: isHealthy, findings: shown }) : describeFindings(shown);
  process.stdout.write(`${text}\n`);
  if (!isHealthy) process.exitCode = 1;
}

async function findingsOf(options: SettingsOptions): Promise<Finding[]> {
  let settings: Settings;
  try {
    settings = settingsOf(options, { postgres: true });
  } catch (error) {
    const errors: unknown[] = error instanceof AggregateError ? error.errors : [error];
    const wrong = errors.map((each) => {
      const known = asSyncedTablesError(each);
      if (!known) throw error;
      return errorFinding(known, 'settings');
    });
    return [...wrong, ...(await examineMachine(null))];
  }
  const origin = originOfSettings(settingsSource(options)) ?? 'DATABASE_URL and SYNCED_TABLES_LAKE';
  return [finding('SETTINGS_READ', 'settings', { origin }), ...(await examine(settings))];
}

/** A line for each finding with its remedy below, and a last line with counts. */
export function describeFindings(findings: readonly Finding[]): string {
  const width = Math.max(0, ...findings.map(({ subject }) => subject.length));
  const lines = findings.flatMap(({ severity, code, subject, message, remedy }) => {
    const label = severity === 'ok' ? '' : `${code}: `;
    const line = `${severity.padEnd(7)}  ${subject.padEnd(width)}  ${label}${oneLine(message)}`;
    return remedy === null ? [line] : [line, `${' '.repeat(width + 11)}${oneLine(remedy)}`];
  });
  return [...lines, '', summary(findings)].join('\n');
}

function summary(findings: readonly Finding[]): string {
  const count = (severity: string) => findings.filter((each) => each.severity === severity).length;
  const plural = (number: number, word: string) => `${number} ${word}${number === 1 ? '' : 's'}`;
  const [errors, warnings, hints] = [count('error'), count('warning'), count('hint')];
  if (errors + warnings + hints === 0) return 'All is well.';
  return `${plural(errors, 'error')}, ${plural(warnings, 'warning')}, ${plural(hints, 'hint')}.`;
}

function oneLine(text: string): string {
  return text.replace(/\s*\n\s*/g, ' ').trim();
}
