import { syncedTablesError } from '../../core/errors.js';
import { SyntaxError as GrammarError, parse } from './pipeline-grammar.generated.js';
import type { ColumnReference, PipelineStatement } from './pipeline-statement.js';
import { describePlace } from './source-place.js';

/** What the parser reports on failure. */
interface ParserFailure {
  readonly expected: readonly { readonly type: string; readonly text?: string; readonly description?: string }[] | null;
  readonly location: { readonly start: { readonly offset: number } };
}

const EXPECTED_MAX = 6;
/** Expectations that are possible anywhere and do not help to find a mistake. */
const NOISE: ReadonlySet<string> = new Set([
  'a blank',
  '--',
  '/*',
  '\\',
  "''",
  '""',
  'AND',
  'OR',
  'IS',
  'IN',
  'LIKE',
  'BETWEEN',
  'NOT',
]);

/**
 * Reads a pipeline file: APPLY CHANGES / AUTO CDC statements and the views that they read.
 * @param fileName as used in messages
 * @param fileName how messages call the file
 * @throws PIPELINE_SQL_SYNTAX with line, column and a caret under the place
 */
export function parsePipelineFile(text: string, fileName: string): PipelineStatement[] {
  try {
    return parse(text, { startRule: 'File' }) as PipelineStatement[];
  } catch (error) {
    if (!(error instanceof GrammarError)) throw error;
    const failure = error as unknown as ParserFailure;
    throw syntaxError(text, fileName, failure.location.start.offset, explain(text, failure));
  }
}

/** The catalogued error for a place in a pipeline file. */
export function syntaxError(text: string, fileName: string, offset: number, reason: string) {
  const { line, column, excerpt } = describePlace(text, offset);
  return syncedTablesError('PIPELINE_SQL_SYNTAX', { file: fileName, line, column, reason, excerpt });
}

/**
 * Parses an entry of a column list: a plain name, a qualified name, or something that is not a name. Quoted names are
 * written with backticks.
 */
export function parseColumnReference(text: string): ColumnReference {
  try {
    return parse(text, { startRule: 'ColumnReference' }) as ColumnReference;
  } catch (error) {
    if (!(error instanceof GrammarError)) throw error;
    return { text, offset: 0, parts: null };
  }
}

function explain(text: string, { expected, location }: ParserFailure): string {
  const { offset } = location.start;
  const found = /^(?:[\p{L}_][\p{L}\p{N}_$]*|\S)/u.exec(text.slice(offset))?.[0];
  const names = [...new Set((expected ?? []).flatMap(expectation))].filter((name) => !NOISE.has(name));
  const foundText = found === undefined ? 'the end' : `"${found}"`;
  if (names.length === 0) return `${foundText} is not expected here`;
  if (names.some((name) => name === "'" || name === '"' || name === '`') && found === undefined && names.length === 1) {
    return 'a quoted text is not closed';
  }
  const shown = names.slice(0, EXPECTED_MAX).join(', ');
  return `${shown}${names.length > EXPECTED_MAX ? ' …' : ''} expected, but ${foundText} found`;
}

function expectation({ type, text, description }: NonNullable<ParserFailure['expected']>[number]): string[] {
  if (type === 'literal') return text === undefined ? [] : [text];
  if (type === 'other') return description === undefined ? [] : [description];
  return type === 'end' ? ['the end'] : [];
}
