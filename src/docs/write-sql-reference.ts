import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { sqlDir } from '../postgres/install/migration-files.js';
import { type Definition, readSqlLayer } from '../postgres/install/sql-layer.js';

// Writes docs/reference/sql.md from the comments in sql/routines; with --check it only compares and exits with 1 if they
// differ.

/** What people call and read; the rest begins with _ or is in schemas of ours. */
const PUBLIC = /^(?:synced_tables(?:_served)?\.(?!_)|public\.databricks_)/;

const GROUPS: readonly { readonly title: string; readonly files: RegExp }[] = [
  { title: 'Finding your way', files: /^routines\/calls\// },
  { title: 'Synced tables', files: /^routines\/tables\// },
  { title: 'Updates, schedules, waiting', files: /^routines\/queue\// },
  { title: 'Streaming tables and AUTO CDC', files: /^routines\/flows\// },
  { title: 'Managers and roles', files: /^routines\/guard\// },
  { title: 'Tokens and credentials of the HTTP API', files: /^routines\/api\// },
  { title: 'Repair', files: /^routines\/repair\// },
  { title: 'Leaving', files: /^routines\/leave\// },
];

const AUDIENCES: Readonly<Record<string, string>> = {
  owner: 'superusers',
  sidecar: 'the sidecar',
  operators: '`databricks_superuser`',
  managers: '`databricks_superuser`, creators and managers',
  everybody: 'everybody',
};

async function buildSqlReference(): Promise<string> {
  const { routines } = await readSqlLayer(sqlDir);
  const shown = routines.filter(({ kind, identity, audience }) => {
    return kind !== 'trigger' && PUBLIC.test(identity) && audience !== 'sidecar';
  });
  const groups = GROUPS.map(({ title, files }) => ({ title, shown: shown.filter(({ file }) => files.test(file)) }));
  const missing = shown.filter((each) => !groups.some((group) => group.shown.includes(each)));
  if (missing.length > 0) throw new Error(`in no group: ${missing.map(({ identity }) => identity).join(', ')}`);
  return [
    '<!-- Generated from the comments in sql/routines by `npm run docs:sql`. Do not edit. -->',
    '',
    '# Functions and views for psql',
    '',
    'Everything that people call and read; what begins with `_` is not for them. In psql, `SELECT * FROM synced_tables.help() \\gx`',
    "shows the same, as far as your role may use it, and `synced_tables.help('schedule')` what is about schedules. All other",
    'ways (command line, HTTP, console) call these.',
    '',
    ...groups.filter((group) => group.shown.length > 0).flatMap(describeGroup),
  ].join('\n');
}

function describeGroup({ title, shown }: { readonly title: string; readonly shown: readonly Definition[] }): string[] {
  const routines = shown.filter(({ kind }) => kind !== 'view').sort(byName);
  const views = shown.filter(({ kind }) => kind === 'view').sort(byName);
  return [`## ${title}`, '', ...routines.flatMap(describeRoutine), ...views.flatMap(describeView)];
}

function byName(a: Definition, b: Definition): number {
  return calledName(a) < calledName(b) ? -1 : 1;
}

function describeRoutine(definition: Definition): string[] {
  const { kind, sql } = definition;
  const name = calledName(definition);
  const word = kind === 'procedure' ? 'CALL' : 'SELECT';
  const [parameters, returns] = signatureOf(sql);
  const result = returns === '' || returns === 'void' ? '' : ` → ${returns}`;
  return [
    `### ${name}`,
    '',
    '```text',
    `${word} ${name}(${parameters.join(parameters.length > 3 ? ',\n    ' : ', ')})${result}`,
    '```',
    '',
    `${commentOf(sql, kind)} Open to ${AUDIENCES[definition.audience]}.`,
    '',
  ];
}

function describeView(definition: Definition): string[] {
  const columns = [...definition.sql.matchAll(/^comment on column [\w.]+\.(\w+) is\s+'((?:[^']|'')*)';/gm)];
  return [
    `### View ${calledName(definition)}`,
    '',
    `${commentOf(definition.sql, 'view')} Open to ${AUDIENCES[definition.audience]}.`,
    '',
    ...columns.map(([, column, text = '']) => `- \`${column}\`: ${plain(text)}`),
    ...(columns.length > 0 ? [''] : []),
  ];
}

/** What people write: calling halves have the name of the served function, those of the guard need no schema. */
function calledName({ identity }: Definition): string {
  return identity
    .replace(/\(.*$/, '')
    .replace(/^synced_tables_served\./, 'synced_tables.')
    .replace(/^public\./, '');
}

/** Parameters with their types and defaults, and what is returned. */
function signatureOf(sql: string): readonly [readonly string[], string] {
  const start = sql.indexOf('(') + 1;
  const parameters: string[] = [];
  let depth = 1;
  let from = start;
  let at = start;
  for (; depth > 0 && at < sql.length; at += 1) {
    if (sql[at] === '(') depth += 1;
    if (sql[at] === ')') depth -= 1;
    if ((sql[at] === ',' && depth === 1) || depth === 0) {
      parameters.push(sql.slice(from, at).replace(/\s+/g, ' ').trim());
      from = at + 1;
    }
  }
  const [, returns = ''] = /^\s*returns ((?:.|\n)*?)\s*\n\s*(?:language|as)\b/.exec(sql.slice(at)) ?? [];
  return [parameters.filter((each) => each !== ''), returns.replace(/\s+/g, ' ').trim()];
}

function commentOf(sql: string, kind: string): string {
  const [, text = ''] = new RegExp(`^comment on ${kind} [^\\n]*? is\\s+'((?:[^']|'')*)';`, 'm').exec(sql) ?? [];
  if (text === '') throw new Error(`no comment is found in ${sql.slice(0, 100)}`);
  return plain(text).replace(/(?<![.:])$/, '.');
}

function plain(text: string): string {
  return text.replaceAll("''", "'").replace(/\s+/g, ' ').replace(/[*<|]/g, '\\$&');
}

const file = fileURLToPath(new URL('../../docs/reference/sql.md', import.meta.url));
const reference = await buildSqlReference();
if (!process.argv.includes('--check')) {
  writeFileSync(file, reference);
} else if (readFileSync(file, 'utf8') !== reference) {
  process.stderr.write('docs/reference/sql.md differs from the comments in sql/routines: run npm run docs:sql\n');
  process.exitCode = 1;
}
