import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

const root = path.resolve(import.meta.dirname, '../..');

/** A fenced block of a document, with what stands behind its language: a reader sees the language only. */
export interface FencedBlock {
  readonly language: string;
  readonly mark: string;
  readonly text: string;
}

/** A fenced block of a document that says how it is run. */
export interface RunnableBlock {
  /** `run`: in order; `background`: goes on while the rest runs; `file`: what a file of that name holds. */
  readonly kind: 'run' | 'background' | 'file';
  readonly language: string;
  readonly text: string;
  /** Of a file. */
  readonly name: string;
  /** Whose session runs the statements; null: a superuser's. */
  readonly role: string | null;
}

/** Language and the rest of the fence's line, then the text up to the closing fence, which may be indented. */
const FENCE = /^( *)```(\w+)([^\n]*)\n(.*?)^\1```$/gms;

/** What people copy and run. */
const COMMANDS = ['sh', 'bash', 'shell', 'console', 'sql', 'js', 'ts', 'python', 'hcl'];

/** The documents for users, as paths from the root. */
export function userDocuments(): string[] {
  const inFolder = (folder: string) =>
    readdirSync(path.join(root, folder))
      .filter((name) => name.endsWith('.md'))
      .map((name) => `${folder}/${name}`);
  const examples = readdirSync(path.join(root, 'examples')).flatMap((name) => inFolder(`examples/${name}`));
  return ['README.md', 'docker/README.md', ...examples, ...inFolder('docs/guides'), ...inFolder('docs/reference')];
}

/** All fenced blocks of a document, with the rest of their first line. */
export function fencedBlocks(document: string): FencedBlock[] {
  const text = readFileSync(path.join(root, document), 'utf8');
  return [...text.matchAll(FENCE)].map(([, indent = '', language = '', mark = '', body = '']) => ({
    language,
    mark: mark.trim(),
    text: body.replaceAll(new RegExp(`^${indent}`, 'gm'), ''),
  }));
}

/**
 * The blocks of a document that are marked as runnable: "sh run", "sql run", "sql run as ROLE", "sh run=background" or
 * "yaml file=NAME" behind the opening fence.
 */
export function runnableBlocks(document: string): RunnableBlock[] {
  return fencedBlocks(document).flatMap(({ language, mark, text }): RunnableBlock[] => {
    const [, name] = /^file=(\S+)$/.exec(mark) ?? [];
    if (name !== undefined) return [{ kind: 'file', language, text, name, role: null }];
    const [run, role = null] = /^run(?: as (\w+))?$/.exec(mark) ?? [];
    if (run !== undefined) return [{ kind: 'run', language, text, name: '', role }];
    return mark === 'run=background' ? [{ kind: 'background', language, text, name: '', role: null }] : [];
  });
}

/**
 * The blocks of a document with commands of which nobody knows whether they work: they are not run, and no reason is given,
 * as in "sh not run: needs systemd".
 */
export function unprovenBlocks(document: string): FencedBlock[] {
  return fencedBlocks(document).filter(
    ({ language, mark }) =>
      COMMANDS.includes(language) && !/^(run(=background| as \w+)?|file=\S+|not run: \S.{9,})$/.test(mark),
  );
}

/** The statements of a text for psql: each ends with `;` or `\gx` at the end of a line, before any comment. */
export function statementsOf(text: string): string[] {
  const statements: string[] = [];
  let lines: string[] = [];
  for (const line of text.split('\n')) {
    const code = line.replace(/\s*--.*$/, '').trimEnd();
    if (code.trim() === '') continue;
    lines.push(code.replace(/\s*(;|\\gx)$/, ''));
    if (!/(;|\\gx)$/.test(code)) continue;
    statements.push(lines.join('\n'));
    lines = [];
  }
  if (lines.length > 0) throw new Error(`a statement without an end: ${lines.join(' ')}`);
  return statements;
}
