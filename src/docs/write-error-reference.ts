import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type ErrorKind, errorCatalogue, errorTopics, type RetryClass } from '../core/error-catalogue.js';

// Writes docs/reference/errors.md from the catalogue; with --check it only compares and exits with 1 if they differ.

const retryWords: Readonly<Record<RetryClass, string>> = {
  none: 'no',
  timed: 'by itself',
  manual: 'after a fix',
};

function buildErrorReference(): string {
  requireEveryCode();
  return [
    '<!-- Generated from src/core/error-catalogue.ts by `npm run docs:errors`. Do not edit. -->',
    '',
    '# Errors',
    '',
    'Every error that synced-tables reports, under the same code in the status view, the command line, the log and over',
    'HTTP. Codes never change their meaning. Words in braces are filled in when the error occurs.',
    '',
    'Whether a failed request or update is tried again:',
    '',
    '- **by itself**: what went wrong may pass, so a sidecar tries again after a pause;',
    '- **after a fix**: it works once somebody has done what the error says under "What to do";',
    '- **no**: the same request fails again.',
    '',
    '## All codes',
    '',
    ...alignTable([
      ['code', 'what happened', 'tried again', 'HTTP', 'SQLSTATE'],
      ...errorTopics.flatMap(({ title, errors }) => [
        [`**[${title}](#${anchorOf(title)})**`, '', '', '', ''],
        ...Object.entries(errors).map(describeRow),
      ]),
    ]),
    '',
    ...errorTopics.flatMap(({ title, errors }) => [`## ${title}`, '', ...Object.entries(errors).map(describeError)]),
  ].join('\n');
}

function describeRow([code, kind]: readonly [string, ErrorKind]): readonly string[] {
  const link = `[${code}](#${anchorOf(code)})`;
  return [link, escapeText(summaryOf(kind)), retryWords[kind.retry], String(kind.status), kind.sqlState];
}

/** A Markdown table with columns as wide as their widest cell, as the formatter requires. */
function alignTable([head = [], ...rows]: readonly (readonly string[])[]): readonly string[] {
  const widths = head.map((_, column) => Math.max(...[head, ...rows].map((row) => (row[column] ?? '').length)));
  const line = (cells: readonly string[]) =>
    `| ${widths.map((width, column) => (cells[column] ?? '').padEnd(width)).join(' | ')} |`;
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)];
}

function describeError([code, kind]: readonly [string, ErrorKind]): string {
  return [
    `### ${code}`,
    '',
    escapeText(kind.message),
    '',
    `- **What to do:** ${escapeText(kind.remedy)}`,
    `- **Tried again:** ${retryWords[kind.retry]}`,
    `- **HTTP:** ${kind.status} \`${kind.apiCode}\``,
    `- **SQLSTATE:** \`${kind.sqlState}\``,
    '',
  ].join('\n');
}

/** The first sentence of the message, without the details that end it. */
function summaryOf(kind: ErrorKind): string {
  const sentence = (kind.summary ?? kind.message).split(/\.\s/)[0] ?? '';
  return sentence.replace(/\.$/, '').replace(/(?:: \{\w+\}(?: \(SQLSTATE \{sql_state\}\))?)?(?:\{rows\})?$/, '');
}

/** The fragment under which GitHub and others find a heading. */
function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\w\- ]/g, '')
    .replaceAll(' ', '-');
}

/** Keeps `_` and `*` of messages from becoming Markdown, and shows placeholders as such. */
function escapeText(text: string): string {
  return text
    .replace(/[_*<>|]/g, '\\$&')
    .replace(/\{([\w\\]+)\}/g, (_, name: string) => `\`{${name.replaceAll('\\', '')}}\``);
}

/** A forgotten topic would be silently missing. */
function requireEveryCode(): void {
  const listed = new Set(errorTopics.flatMap(({ errors }) => Object.keys(errors)));
  const missing = Object.keys(errorCatalogue).filter((code) => !listed.has(code));
  if (missing.length > 0) throw new Error(`in no topic of the error catalogue: ${missing.join(', ')}`);
}

const file = fileURLToPath(new URL('../../docs/reference/errors.md', import.meta.url));
const reference = buildErrorReference();
if (!process.argv.includes('--check')) {
  writeFileSync(file, reference);
} else if (readFileSync(file, 'utf8') !== reference) {
  process.stderr.write('docs/reference/errors.md differs from the error catalogue: run npm run docs:errors\n');
  process.exitCode = 1;
}
