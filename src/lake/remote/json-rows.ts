import { quoteLiteral } from '../../core/names.js';
import type { RowFormat } from './row-source.js';

/** What the engine reads at once at least, in bytes. */
const ROW_BYTES_MIN = 1024 * 1024;

/**
 * Rows as arrays of JSON, as servers send them: `[1,"a"],[2,null]` is two of them. Numbers and texts arrive as texts, and
 * nested values as their JSON.
 */
export const jsonRows: RowFormat = {
  opening: '[',
  between: ',',
  closing: ']',
  read(file, columns, longest) {
    const size = Math.max(ROW_BYTES_MIN, longest + 1);
    const values = Array.from({ length: columns }, (_, at) => `row[${at + 1}] as raw${at}`);
    const given = `${quoteLiteral(file)}, format = 'array', records = false, columns = {row: 'VARCHAR[]'}, maximum_object_size = ${size}`;
    return `(select ${values.join(', ') || 'null as nothing'} from read_json(${given}))`;
  },
};

/** The JSON of the values of an object, by their names: nothing of them is parsed, since rows may be many. */
export function membersOf(json: string): ReadonlyMap<string, string> {
  const members = new Map<string, string>();
  let at = skipBlanks(json, 0);
  if (json[at] !== '{') throw new SyntaxError('no object');
  at = skipBlanks(json, at + 1);
  while (json[at] !== '}') {
    const nameEnd = endOfText(json, at);
    const name: unknown = JSON.parse(json.slice(at, nameEnd));
    const colon = skipBlanks(json, nameEnd);
    if (json[colon] !== ':') throw new SyntaxError('no value');
    const from = skipBlanks(json, colon + 1);
    const to = endOfValue(json, from);
    members.set(String(name), json.slice(from, to));
    at = skipBlanks(json, to);
    if (json[at] === ',') at = skipBlanks(json, at + 1);
    else if (json[at] !== '}') throw new SyntaxError('no end');
  }
  return members;
}

/** What stands between the brackets of an array; empty if it has no elements. */
export function elementsOf(array: string): string {
  const text = array.trim();
  if (!text.startsWith('[') || !text.endsWith(']')) throw new SyntaxError('no array');
  return text.slice(1, -1).trim();
}

function skipBlanks(json: string, from: number): number {
  let at = from;
  while (at < json.length && /\s/.test(json[at] ?? '')) at++;
  return at;
}

/** The place behind a text that begins here. */
function endOfText(json: string, from: number): number {
  if (json[from] !== '"') throw new SyntaxError('no text');
  for (let at = json.indexOf('"', from + 1); at >= 0; at = json.indexOf('"', at + 1)) {
    let escapes = 0;
    while (json[at - 1 - escapes] === '\\') escapes++;
    if (escapes % 2 === 0) return at + 1;
  }
  throw new SyntaxError('a text without an end');
}

const QUOTE = '"'.charCodeAt(0);
const OPENING: ReadonlySet<number> = new Set(['[', '{'].map((bracket) => bracket.charCodeAt(0)));
const CLOSING: ReadonlySet<number> = new Set([']', '}'].map((bracket) => bracket.charCodeAt(0)));
const COMMA = ','.charCodeAt(0);

function endOfValue(json: string, from: number): number {
  let depth = 0;
  for (let at = from; at < json.length; at++) {
    const code = json.charCodeAt(at);
    if (code === QUOTE) {
      at = endOfText(json, at) - 1;
      if (depth === 0) return at + 1;
    } else if (OPENING.has(code)) depth++;
    else if (CLOSING.has(code)) {
      if (depth === 0) return at;
      depth--;
      if (depth === 0) return at + 1;
    } else if (code === COMMA && depth === 0) return at;
  }
  throw new SyntaxError('a value without an end');
}
