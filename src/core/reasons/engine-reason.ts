/** Every message of the engine begins with one of these and `Error: `. */
const CLASSES = [
  'Binder',
  'Catalog',
  'Constraint',
  'Conversion',
  'FATAL',
  'HTTP',
  'IO',
  'Interrupt',
  'INTERRUPT',
  'INTERNAL',
  'Invalid',
  'Invalid Input',
  'Not implemented',
  'Out of Memory',
  'Out of Range',
  'Parser',
  'Permission',
  'Serialization',
  'TransactionContext',
] as const;

export type EngineErrorClass = (typeof CLASSES)[number];

const MESSAGE = new RegExp(`^(${CLASSES.join('|')}) Error: (.*)$`, 's');

/** Scalar types as the engine writes them. What follows a value in a message is only believed if it is one of these. */
const SCALAR = [
  'BOOL(?:EAN)?',
  'U?INT(?:8|16|32|64|128)',
  'U?(?:TINY|SMALL|BIG|HUGE)INT',
  'U?INTEGER',
  'FLOAT',
  'DOUBLE',
  'DECIMAL\\(\\d{1,2},\\d{1,2}\\)',
  'VARCHAR',
  'BLOB',
  'DATE',
  'TIME',
  'TIMESTAMP(?:_S|_MS|_NS)?(?: WITH TIME ZONE)?',
  'INTERVAL',
  'UUID',
  'JSON',
];
const TYPE = `((?:${SCALAR.join('|')})(?:\\[\\])*)`;

type Wording = readonly [template: RegExp, words: (slots: readonly string[]) => string];

/** Messages about values that are known, and what is passed on of them: never a part that could come from a row. */
const VALUES: readonly Wording[] = [
  [
    new RegExp(`^Could not convert string ['"].*['"] to '?${TYPE}`, 's'),
    ([to]) => `a text cannot be converted to ${to}`,
  ],
  [/^invalid (date|timestamp|time) field format/, ([kind]) => `a text is not a valid ${kind}`],
  [/^(date|timestamp|time) field value out of range/i, ([kind]) => `a ${kind} is out of range`],
  [/^(Date|Timestamp) out of range/, ([kind]) => `a ${kind?.toLowerCase()} is out of range`],
  [
    new RegExp(`^Type ${TYPE} with value .* can't be cast because .* destination type ${TYPE}`, 's'),
    ([from, to]) => `a value of type ${from} is out of range for ${to}`,
  ],
  [
    new RegExp(`^Type ${TYPE} with value .* can't be cast to the destination type ${TYPE}`, 's'),
    ([from, to]) => `a value of type ${from} cannot be converted to ${to}`,
  ],
  [new RegExp(`^Could not cast value .* to ${TYPE}`, 's'), ([to]) => `a value does not fit ${to}`],
  // What follows the number of the line quotes it; the file comes last, where no value can follow.
  [
    /^CSV Error on Line: (\d+)\n[\s\S]*\n {2}file = (?:[^\n]*\/)?([^\n/]*)\n {2}delimiter = /,
    ([line, file]) => `line ${line} of ${file} does not fit the columns`,
  ],
  [
    /^JSON transform error in file "(?:[^"\n]*\/)?([^"\n/]*)", in (?:line|record\/value) (\d+):/,
    ([file, line]) => `line ${line} of ${file} does not fit the columns`,
  ],
  [
    /^Malformed JSON in file "(?:[^"\n]*\/)?([^"\n/]*)", at byte \d+ in (?:line|record\/value) (\d+):/,
    ([file, line]) => `line ${line} of ${file} is not valid JSON`,
  ],
  [/^Malformed JSON/, () => 'a text is not valid JSON'],
  [/^Failure in decode/, () => 'bytes are not UTF-8 text'],
  [/^Invalid hex escape code/, () => 'a text cannot be converted to BLOB'],
  [
    new RegExp(`^Overflow in (addition|subtraction|multiplication|division|negation) of ${TYPE}`),
    ([what, type]) => `overflow in ${what} of ${type}`,
  ],
  [/^cannot take (square root|logarithm) of (a negative number|zero)/i, ([what, of]) => `there is no ${what} of ${of}`],
  [/^Cannot create a string of size/, () => 'a text would be too long'],
  [/^Could not parse string/, () => 'a text does not have the format that is asked for'],
  [/^Map keys (must be unique|can not be NULL)/i, ([what]) => `map keys ${what}`],
  [/^More than one row returned by a subquery/, () => 'a subquery returns more than one row'],
  [/^Unknown TimeZone/, () => 'a time zone is not known'],
  [/^malformed variant: (variant [a-z ]+(?:\d+(?: of \d+)?)?)$/, ([what]) => `malformed variant: ${what}`],
];

/** Messages about files that cannot be decoded, in our words. */
const DAMAGES: readonly Wording[] = [
  [/^Invalid string encoding found/, () => 'it holds text that is not UTF-8'],
  [/^No magic bytes found/, () => 'it does not end like a Parquet file'],
  [/Parquet file is likely corrupted/, () => 'its contents contradict each other'],
  [/decompress|GZIP|snappy|zstd|brotli|lz4/i, () => 'a page cannot be decompressed'],
];

/** What the operating system says of a file. */
const SYSTEM =
  /(Permission denied|No such file or directory|No space left on device|Too many open files|Input\/output error|Is a directory|Not a directory|Stale file handle|Cannot allocate memory|Read-only file system|Disk quota exceeded)/;

function parts(error: unknown): { readonly kind: EngineErrorClass; readonly text: string } | null {
  const [, kind, text] = MESSAGE.exec(error instanceof Error ? error.message : '') ?? [];
  return kind === undefined || text === undefined ? null : { kind: kind as EngineErrorClass, text };
}

/** The class of an error of the engine; null for other errors. */
export function engineErrorClass(error: unknown): EngineErrorClass | null {
  return parts(error)?.kind ?? null;
}

/**
 * What is passed on of an error that the engine raised while it handled rows: its messages quote values, in ways that
 * differ from version to version, so only what is known by heart is repeated. Null if the error is not the engine's.
 */
export function engineReason(error: unknown): string | null {
  const found = parts(error);
  if (found === null) return null;
  const { kind, text } = found;
  if (kind === 'Invalid') return damageReason(error);
  const known = worded(VALUES, text);
  if (known !== null) return known;
  const system = kind === 'IO' ? SYSTEM.exec(withoutPath(text))?.[1] : undefined;
  return system === undefined ? `the engine raised ${articled(kind)} error, whose text may quote rows` : system;
}

/** What is wrong with a file, given the engine's error in decoding it. */
export function damageReason(error: unknown): string {
  return worded(DAMAGES, withoutPath(parts(error)?.text ?? '')) ?? 'its contents cannot be decoded';
}

/**
 * What is passed on of an error that the engine raised while it read a query or an expression, before any row: the text
 * of these classes consists of names and of what the user wrote. Null for other errors.
 */
export function engineSyntaxReason(error: unknown): string | null {
  const found = parts(error);
  if (found === null) return null;
  const [line = ''] = found.text.split('\n');
  if (['Binder', 'Catalog', 'Parser'].includes(found.kind)) return line.replace(/[.!]$/, '');
  return ['Conversion', 'Invalid Input', 'Out of Range'].includes(found.kind) ? engineReason(error) : null;
}

/** The file that the engine names at the beginning of a message, where no value can precede it. */
export function namedFile(error: unknown): string | null {
  return FILE.exec(parts(error)?.text ?? '')?.[1] ?? null;
}

const FILE =
  /^(?:Failed to read file|Invalid string encoding found in Parquet file|No magic bytes found at end of file|Cannot open file) ["']([^"']+)["']/;

function withoutPath(text: string): string {
  return text.replace(FILE, (found, path: string) => found.replace(path, ''));
}

function worded(wordings: readonly Wording[], text: string): string | null {
  for (const [template, words] of wordings) {
    const found = template.exec(text);
    if (found) return words(found.slice(1));
  }
  return null;
}

function articled(kind: string): string {
  return /^[AEIO]/.test(kind) ? `an ${kind}` : `a ${kind}`;
}
