import { readFileSync } from 'node:fs';
import path from 'node:path';

const root = path.resolve(import.meta.dirname, '../..');

/** A fenced block of a document that says how it is run. */
export interface RunnableBlock {
  /** `run`: in order; `background`: goes on while the rest runs; `file`: what a file of that name holds. */
  readonly kind: 'run' | 'background' | 'file';
  readonly language: string;
  readonly text: string;
  /** Of a file. */
  readonly name: string;
}

/** Language and the rest of the fence's line, then the text up to the closing fence, which may be indented. */
const FENCE = /^( *)```(\w+)([^\n]*)\n(.*?)^\1```$/gms;

/** All fenced blocks of a document, with the rest of their first line. */
export function fencedBlocks(
  document: string,
): { readonly language: string; readonly mark: string; readonly text: string }[] {
  const text = readFileSync(path.join(root, document), 'utf8');
  return [...text.matchAll(FENCE)].map(([, indent = '', language = '', mark = '', body = '']) => ({
    language,
    mark: mark.trim(),
    text: body.replaceAll(new RegExp(`^${indent}`, 'gm'), ''),
  }));
}

/**
 * The blocks of a document that are marked as runnable: "sh run", "sql run", "sh run=background" or "yaml file=NAME" behind
 * the opening fence. A reader sees the language only.
 */
export function runnableBlocks(document: string): RunnableBlock[] {
  return fencedBlocks(document).flatMap(({ language, mark, text }): RunnableBlock[] => {
    const [, name] = /^file=(\S+)$/.exec(mark) ?? [];
    if (name !== undefined) return [{ kind: 'file', language, text, name }];
    if (mark === 'run' || mark === 'run=background') {
      return [{ kind: mark === 'run' ? 'run' : 'background', language, text, name: '' }];
    }
    return [];
  });
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
