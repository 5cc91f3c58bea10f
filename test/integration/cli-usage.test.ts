import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { buildProgram } from '../../src/main.js';
import { runCli } from '../support/run-cli.js';

// Goal: whoever calls the command line wrongly is told in one line what is wrong, and gets exit code 2.

const folder = mkdtempSync(path.join(tmpdir(), 'cli-usage-'));
afterAll(() => rmSync(folder, { recursive: true }));

function settingsFile(yaml: string): string {
  const file = path.join(folder, 'settings.yaml');
  writeFileSync(file, yaml);
  return file;
}

const program = await buildProgram([]);
const COMMANDS = program.commands.map((command) => command.name());

/** Commands that do something: those of a group instead of the group. */
const LEAVES = program.commands.flatMap((command) =>
  command.commands.length === 0
    ? [{ name: command.name(), command }]
    : command.commands.map((each) => ({ name: `${command.name()} ${each.name()}`, command: each })),
);

describe.each(LEAVES)('$name', ({ name, command }) => {
  it('explains itself with examples', () => {
    let help = '';
    command.configureOutput({
      writeOut: (text) => {
        help += text;
      },
    });
    command.outputHelp();
    expect(help).toContain(`Usage: synced-tables ${name}`);
    expect(help).toMatch(new RegExp(`Examples:\\n(.*\\n)*.*synced-tables ${name}`));
    // What `completion` prints is for a shell.
    const forms: Readonly<Record<string, string>> = { read: '--format <format>', completion: 'bash' };
    expect(help).toContain(forms[name] ?? '--output <form>');
  });
});

it('explains itself on the command line', async () => {
  const { end, stdout, stderr } = await runCli(['doctor', '--help']);
  expect({ end, stderr }).toEqual({ end: 0, stderr: '' });
  expect(stdout).toMatch(/^Usage: synced-tables doctor .*\n/);
});

it('lists its commands when called without one', async () => {
  const { end, stdout, stderr } = await runCli([]);
  expect({ end, stdout }).toEqual({ end: 2, stdout: '' });
  for (const command of COMMANDS) expect(stderr).toContain(`\n  ${command} `);
});

it('tells its version', async () => {
  const { end, stdout } = await runCli(['--version']);
  expect(end).toBe(0);
  expect(stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
});

it.each([
  [['bogus'], `unknown command 'bogus'. See "synced-tables --help".`],
  [['get', 'gold.t', '--bogus'], `unknown option '--bogus'. See "synced-tables get --help".`],
  [['get'], `missing required argument 'synced-table'. See "synced-tables get --help".`],
  [
    ['list', 'gold.t'],
    'too many arguments for \'list\'. Expected 0 arguments but got 1. See "synced-tables list --help".',
  ],
  [
    ['create', 'gold.t', '--primary-key', 'id'],
    `required option '--source <table>' not specified. See "synced-tables create --help".`,
  ],
  [
    ['list', '--output', 'xml'],
    `option '--output <form>' argument 'xml' is invalid. Allowed choices are table, json. See "synced-tables list --help".`,
  ],
  [
    ['read', 'a.b.c', '--limit', 'many'],
    `option '--limit <rows>' argument 'many' is invalid. It must be a whole number. See "synced-tables read --help".`,
  ],
])('refuses %j', async (args, line) => {
  expect(await runCli(args)).toEqual({ end: 2, stdout: '', stderr: `USAGE_INVALID: Wrong usage: ${line}\n` });
});

it('tells a wrong usage as JSON where JSON is asked for', async () => {
  const { end, stderr } = await runCli(['create', 'gold.t', '--json']);
  expect(end).toBe(2);
  expect(JSON.parse(stderr)).toEqual({
    error_code: 'USAGE_INVALID',
    message: "Wrong usage: required option '--source <table>' not specified.",
    remedy: 'See "synced-tables create --help".',
  });
});

it('tells each wrong setting in a line of its own', async () => {
  const file = settingsFile('instances: { local: { url: "nonsense:s3cret" } }\napi: { port: high }');
  const { end, stdout, stderr } = await runCli(['serve', '--config', file]);
  expect({ end, stdout }).toEqual({ end: 2, stdout: '' });
  expect(stderr.trimEnd().split('\n')).toEqual([
    expect.stringMatching(/^SETTINGS_INVALID: Setting instances\.local\.url /),
    expect.stringMatching(/^SETTINGS_INVALID: Setting api\.port is "high"; allowed: a number /),
  ]);
  expect(stderr).not.toContain('s3cret');
});

it('wants DATABASE_URL or a settings file', async () => {
  const { end, stderr } = await runCli(['list']);
  expect(end).toBe(2);
  expect(stderr).toMatch(/^SETTINGS_MISSING: .+\n$/);
});

it('wants to know which of several databases is meant', async () => {
  const url = 'postgres://nobody@127.0.0.1:1/x';
  const file = settingsFile(`instances: { a: { url: "${url}", databases: [x, y] }, b: { url: "${url}" } }`);
  const refusal = async (...args: string[]) => {
    const { end, stderr } = await runCli(['get', 'gold.t', '--config', file, ...args]);
    return [end, stderr.split(':')[0]];
  };
  expect(await refusal()).toEqual([2, 'INSTANCE_AMBIGUOUS']);
  expect(await refusal('--database', 'x')).toEqual([2, 'INSTANCE_AMBIGUOUS']);
  expect(await refusal('--instance', 'c')).toEqual([2, 'INSTANCE_UNKNOWN']);
  expect(await refusal('--instance', 'a')).toEqual([2, 'DATABASE_AMBIGUOUS']);
  expect(await refusal('--instance', 'a', '--database', 'y')).toEqual([1, 'POSTGRES_UNREACHABLE']);
});

it('says where it looked for Postgres, without the password', async () => {
  const { end, stdout, stderr } = await runCli(['list'], { DATABASE_URL: 'postgres://app:s3cret@127.0.0.1:1/app' });
  expect({ end, stdout }).toEqual({ end: 1, stdout: '' });
  expect(stderr).toMatch(/^POSTGRES_UNREACHABLE: Postgres at 127\.0\.0\.1:1\/app cannot be used: .*ECONNREFUSED.*\n$/);
  expect(stderr).not.toContain('s3cret');
});
