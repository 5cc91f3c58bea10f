import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type ErrorKind, errorCatalogue, type RetryClass } from '../core/error-catalogue.js';

// Writes docs/reference/errors.md from the catalogue; with --check it only compares and ends with 1 when they differ.

const retryMeanings: Readonly<Record<RetryClass, string>> = {
  none: 'no; the same request fails again',
  timed: 'by itself, after a pause',
  manual: 'after somebody has done what is said under "What to do"',
};

function describeError([code, kind]: readonly [string, ErrorKind]): string {
  return [
    `## ${code}`,
    '',
    escapeText(kind.message),
    '',
    `- **What to do:** ${escapeText(kind.remedy)}`,
    `- **Tried again:** ${retryMeanings[kind.retry]}`,
    `- **REST:** ${kind.status} \`${kind.apiCode}\``,
    `- **SQLSTATE:** \`${kind.sqlState}\``,
    '',
  ].join('\n');
}

/** Keeps `_` and `*` of messages from becoming Markdown, and shows placeholders as such. */
function escapeText(text: string): string {
  return text.replace(/[_*<>]/g, '\\$&').replace(/\{(\w+)\}/g, '`{$1}`');
}

function buildErrorReference(): string {
  const head = [
    '<!-- Generated from src/core/error-catalogue.ts by `npm run docs:errors`. Do not edit. -->',
    '',
    '# Errors',
    '',
    'Every error that synced-tables tells a user, under the same code in the status view, the command line, the log and',
    'over HTTP. Codes never change their meaning. Words in braces stand for what an occurrence fills in.',
    '',
    '',
  ];
  return head.join('\n') + Object.entries(errorCatalogue).map(describeError).join('\n');
}

const file = fileURLToPath(new URL('../../docs/reference/errors.md', import.meta.url));
const reference = buildErrorReference();
if (!process.argv.includes('--check')) {
  writeFileSync(file, reference);
} else if (readFileSync(file, 'utf8') !== reference) {
  process.stderr.write('docs/reference/errors.md differs from the error catalogue: run npm run docs:errors\n');
  process.exitCode = 1;
}
