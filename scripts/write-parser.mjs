// Writes the parser of pipeline files from its grammar; with --check only reports whether the file is up to date.
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import peggy from 'peggy';

const folder = join(dirname(fileURLToPath(import.meta.url)), '..', 'src', 'flows', 'parser');
const grammarName = 'pipeline-file.peggy';
const target = join(folder, 'pipeline-grammar.generated.ts');

const grammar = readFileSync(join(folder, grammarName), 'utf8');
const parser = peggy.generate(grammar, {
  allowedStartRules: ['File', 'ColumnReference'],
  format: 'es',
  output: 'source',
  grammarSource: grammarName,
});
const header = `// @ts-nocheck\n// Generated from ${grammarName} by \`npm run grammar\`: change that one.\n`;
const wanted = header + parser.replace(/[ \t]+$/gm, '');

if (!process.argv.includes('--check')) {
  writeFileSync(target, wanted);
} else if (readFileSync(target, 'utf8') !== wanted) {
  process.stderr.write(`${target} is not what ${grammarName} says: run npm run grammar.\n`);
  process.exitCode = 1;
}
