import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import path from 'node:path';

// What the files of sql/ say of the objects in them: sql/README.md has the rules that this reads by.

const AUDIENCES = ['owner', 'sidecar', 'operators', 'managers', 'everybody'] as const;
const ROUTINE_KINDS = ['function', 'procedure', 'aggregate'] as const;

/** Who may use an object; each word is explained in sql/README.md. */
type Audience = (typeof AUDIENCES)[number];
type DefinitionKind = (typeof ROUTINE_KINDS)[number] | 'view' | 'trigger' | 'table';

/** One object of the SQL side, as its file has it. */
export interface Definition {
  readonly kind: DefinitionKind;
  /** `schema.name(types)` of a routine, `schema.name` of a relation, `name on schema.table` of a trigger. */
  readonly identity: string;
  readonly audience: Audience;
  /** Below the folder `sql`. */
  readonly file: string;
  /** Everything from its header line to that of the next object. */
  readonly sql: string;
  readonly hash: string;
}

/** All objects of the SQL side. */
export interface SqlLayer {
  /** Tables, and the few functions that columns depend on: made by numbered files, not applied again. */
  readonly numbered: readonly Definition[];
  /** Functions, views and triggers, in the order of their files. */
  readonly routines: readonly Definition[];
  /** Differs when anything in one of the files does. */
  readonly hash: string;
}

/**
 * Reads the numbered files of `dir` and those below its folder `routines`.
 * @throws when an object lacks its header line, or a routine its comment
 */
export async function readSqlLayer(dir: string): Promise<SqlLayer> {
  const entries = await readdir(dir, { recursive: true });
  const files = entries.map((entry) => entry.split(path.sep).join('/')).sort();
  const read = (wanted: RegExp): Definition[] => {
    const found = files.filter((file) => wanted.test(file));
    // Small files, of which the promises cost more than the reading.
    return found.flatMap((file) => readDefinitions(file, readFileSync(path.join(dir, file), 'utf8')));
  };
  const numbered = read(/^\d+_\w+\.sql$/);
  const routines = read(/^routines\/.*\.sql$/);
  const all = [...numbered, ...routines];
  return { numbered, routines, hash: hashOf(all.map(({ file, hash }) => `${file} ${hash}`).join('\n')) };
}

/**
 * The objects of one file. Each begins with a line `-- for: audience`, directly before its CREATE.
 * @throws as `readSqlLayer`
 * @internal
 */
export function readDefinitions(file: string, text: string): Definition[] {
  // Splitting leaves out an empty first part.
  const [head = '', ...parts] = `\n${text}`.split(/^(?=-- for: )/m);
  const stray = /^create (?!(unique )?index |policy |schema ).*/im.exec(head);
  if (stray) throw new Error(`sql/${file}: no line "-- for: …" before: ${stray[0]}`);
  return parts.map((part) => readDefinition(file, part));
}

function readDefinition(file: string, sql: string): Definition {
  const header =
    /^-- for: (\w+)\ncreate (?:or replace )?(function|procedure|aggregate|view|trigger|table) ([\w.]+)/.exec(sql);
  const [, audience, kind, name = ''] = header ?? [];
  if (!isOneOf(AUDIENCES, audience) || !isOneOf([...ROUTINE_KINDS, 'view', 'trigger', 'table'] as const, kind)) {
    throw new Error(`sql/${file}: not a known audience and a CREATE: ${sql.slice(0, 80)}`);
  }
  const again = sql
    .slice(header?.[0].length)
    .match(/^create (?:or replace )?(?:function|procedure|aggregate|view|trigger|table) .*/im);
  if (again) throw new Error(`sql/${file}: a second object under one header line: ${again[0]}`);
  return { kind, identity: identityOf(file, kind, name, sql), audience, file, sql, hash: hashOf(sql) };
}

function identityOf(file: string, kind: DefinitionKind, name: string, sql: string): string {
  if (kind === 'trigger') return `${name} on ${/ on ([\w.]+)/.exec(sql)?.[1] ?? ''}`;
  const identity = commentedIdentity(kind, name, sql);
  if (identity === null) throw new Error(`sql/${file}: ${kind} ${name} has no comment`);
  return identity;
}

/** What the COMMENT of an object calls it; null without one. */
function commentedIdentity(kind: string, name: string, sql: string): string | null {
  const start = `\ncomment on ${kind} ${name}`;
  // One pattern for all: to compile one for each of hundreds of objects takes longer than everything else.
  const pattern = /(?:\(.*?\))?(?= is\b)/y;
  for (let at = sql.indexOf(start); at >= 0; at = sql.indexOf(start, at + 1)) {
    pattern.lastIndex = at + start.length;
    const types = pattern.exec(sql);
    if (types) return name + types[0];
  }
  return null;
}

/** True for what can be called. */
export function isRoutine({ kind }: { readonly kind: string }): boolean {
  return isOneOf(ROUTINE_KINDS, kind);
}

function isOneOf<T extends string>(words: readonly T[], word: string | undefined): word is T {
  return words.some((candidate) => candidate === word);
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}
