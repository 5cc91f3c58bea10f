import { execFileSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { runCli } from '../support/run-cli.js';

// Goal: a shell completes commands, commands below them, and the options of each, also after arguments.

async function scriptFor(shell: string): Promise<string> {
  const { end, stdout, stderr } = await runCli(['completion', shell]);
  expect({ end, stderr }).toEqual({ end: 0, stderr: '' });
  return stdout;
}

it('completes commands and options in bash, and has the same for zsh and fish', async () => {
  const script = await scriptFor('bash');
  const complete = (...words: string[]) => {
    const list = ['synced-tables', ...words].map((word) => `'${word}'`).join(' ');
    const asked = `COMP_WORDS=(${list}); COMP_CWORD=${words.length}; _synced_tables; echo "\${COMPREPLY[@]}"`;
    return execFileSync('bash', ['-c', `${script}\n${asked}`], { encoding: 'utf8' })
      .trim()
      .split(' ');
  };
  expect(complete('re')).toEqual(expect.arrayContaining(['resume', 'read']));
  expect(complete('token', '')).toEqual(expect.arrayContaining(['create', 'list', 'revoke']));
  expect(complete('token', 'create', '--e')).toEqual(['--expires']);
  expect(complete('create', 'gold.t', '--source', 'a.b.c', '--prim')).toEqual(['--primary-key']);
  expect(complete('sync', '--no')).toEqual(['--no-wait']);
  expect(complete('nonsense', '--x')).toEqual(['']);
  expect(await scriptFor('zsh')).toContain('bashcompinit');
  const fish = await scriptFor('fish');
  expect(fish).toContain("complete -c synced-tables -n '__fish_seen_subcommand_from serve' -l config\n");
  expect(fish).toContain("complete -c synced-tables -n '__fish_use_subcommand' -f -a quickstart\n");
});
