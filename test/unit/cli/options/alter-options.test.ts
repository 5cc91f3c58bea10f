import { Command, CommanderError } from 'commander';
import { describe, expect, it } from 'vitest';
import { addAlterCommand, collectSettings } from '../../../../src/cli/alter.js';
import { addManagersCommand } from '../../../../src/cli/managers.js';
import { reportFailure } from '../../../../src/cli/output/report-failure.js';
import { syncedTablesError } from '../../../../src/core/errors.js';

// Goal: options of the commands that change tables are understood as people write them, or refused.

/** The options that a command line gives to a command; its error message if it is refused. */
function optionsOf(add: (program: Command) => void, ...words: string[]): unknown {
  const program = new Command('synced-tables').exitOverride().configureOutput({ outputError: () => {} });
  add(program);
  let options: unknown;
  for (const command of program.commands) {
    for (const each of [command, ...command.commands]) {
      each.exitOverride().configureOutput({ outputError: () => {} });
      each.action((...args: unknown[]) => {
        options = (args.at(-2) as Record<string, unknown>) ?? {};
      });
    }
  }
  try {
    program.parse(words, { from: 'user' });
    return options;
  } catch (error) {
    if (error instanceof CommanderError) return error.message;
    throw error;
  }
}

describe('synced-tables alter', () => {
  const alter = (...words: string[]) => optionsOf(addAlterCommand, 'alter', 'gold.t', ...words);

  it('takes what is given, and nothing else', () => {
    expect(alter('--policy', 'TRIGGERED')).toEqual({ output: 'table', policy: 'TRIGGERED', wait: true });
    expect(alter('--columns', 'a,b', '--columns', 'c', '--no-wait')).toMatchObject({
      columns: ['a', 'b', 'c'],
      wait: false,
    });
  });

  it('switches on, off, and leaves alone', () => {
    expect(alter('--allow-file-diff', '--no-accelerated')).toMatchObject({ allowFileDiff: true, accelerated: false });
    expect(alter('--no-allow-file-diff')).toMatchObject({ allowFileDiff: false });
    expect(alter('--policy', 'SNAPSHOT')).not.toHaveProperty('allowFileDiff');
  });

  it('names settings as its options are named, or as in SQL', () => {
    expect(collectSettings('row-filter,columns')).toEqual(['row_filter', 'columns']);
    expect(collectSettings('extra-indexes', ['row_filter'])).toEqual(['row_filter', 'extra_index_definitions']);
    expect(alter('--reset', 'type-override', '--reset', 'trigger_interval_ms')).toMatchObject({
      reset: ['type_overrides', 'trigger_interval_ms'],
    });
  });

  it('refuses what it cannot understand', () => {
    expect(alter('--policy', 'DAILY')).toContain('Allowed choices are SNAPSHOT, TRIGGERED, CONTINUOUS');
    expect(alter('--trigger-interval', '5s')).toContain('It must be a number of milliseconds');
    expect(alter('--reset', 'columns,')).toContain('It must be names of settings separated by commas');
    expect(alter('--extra-columns', '{}')).toContain('It must be a JSON array');
    expect(alter('--on-history-gap', 'ignore')).toContain('Allowed choices are fail, refresh');
  });
});

it('managers are listed of all tables or of one, and need a table and a role to be appointed', () => {
  const managers = (...words: string[]) => optionsOf(addManagersCommand, 'managers', ...words);
  expect(managers('list')).toEqual({ output: 'table' });
  expect(managers('list', 'gold.t', '--json')).toEqual({ output: 'json', json: true });
  expect(managers('add', 'gold.t')).toContain("missing required argument 'role'");
});

it('whoever interrupts the waiting is told what goes on, with the exit code of an interrupted process', () => {
  const error = syncedTablesError('UPDATE_WAIT_INTERRUPTED', {
    update: 'u',
    cancel: 'synced-tables cancel gold.t',
    get: 'synced-tables get gold.t',
  });
  const written: string[] = [];
  const write = process.stderr.write;
  process.stderr.write = ((text: string) => written.push(text) > 0) as typeof write;
  try {
    expect(reportFailure(error, { output: 'table', command: 'synced-tables sync' })).toBe(130);
  } finally {
    process.stderr.write = write;
  }
  expect(written).toEqual([
    'UPDATE_WAIT_INTERRUPTED: Only the waiting has ended: update u goes on in the sidecar. To cancel it: synced-tables cancel gold.t. To see how far it is: synced-tables get gold.t.\n',
  ]);
});
