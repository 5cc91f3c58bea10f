/** What a server says of a failed statement: the parts of an error of `pg` that are looked at. */
export interface PostgresFailure {
  readonly message: string;
  /** SQLSTATE. */
  readonly code?: string | undefined;
  /** The context: which COPY, function or statement it happened in. */
  readonly where?: string | undefined;
  /** Set for errors in the text of our statement, found before it runs. */
  readonly position?: string | undefined;
  readonly constraint?: string | undefined;
}

/** True for errors with a SQLSTATE; codes of the operating system have no digits, or come with a system call. */
export function isPostgresFailure(error: unknown): error is Error & PostgresFailure {
  if (!(error instanceof Error) || 'syscall' in error) return false;
  const { code } = error as { code?: unknown };
  return typeof code === 'string' && /^(?=.*\d)[0-9A-Z]{5}$/.test(code);
}

/**
 * What is passed on of an error of Postgres. Its messages quote values of rows, and functions of users raise any text
 * under any SQLSTATE: so a message is repeated only if it is known by heart, or if its class is about servers, sessions
 * and locks, and only if no code of others was running. All else becomes its SQLSTATE, whose full text the server has
 * in its own log.
 */
export function postgresReason(error: PostgresFailure): string {
  const { code = 'XX000', message } = error;
  const others = othersReason(error);
  if (others !== null) return others;
  const [line = ''] = message.split('\n');
  if (SERVER_CLASSES.has(code.slice(0, 2)) || isAboutStatement(error)) return line.replace(/\.$/, '');
  return (
    worded(message) ?? `${described(code)}${error.constraint ? ` of "${error.constraint}"` : ''}; see the server's log`
  );
}

/** The same for an error that code of others raised; null for all others. */
export function othersReason(error: PostgresFailure): string | null {
  const others = othersCode(error);
  if (others === null) return null;
  return `${others} failed with ${described(error.code ?? 'XX000')}; what it says may quote rows and is in the server's log only`;
}

/** Connections, transactions, logins, databases, concurrency, resources, states, intervention, the system. */
const SERVER_CLASSES: ReadonlySet<string> = new Set(['08', '25', '28', '3D', '40', '53', '57', '58']);

/** Names in the text of our statement are not found: it holds no values. */
function isAboutStatement({ code = '', position }: PostgresFailure): boolean {
  return position !== undefined && code.startsWith('42');
}

const FUNCTION_LINE =
  /^(?:PL\/\w+|SQL|JavaScript|C) function "?([^\n]+?)"?(?: line \d.*| statement \d.*| during .*| at .*)?$/gm;
const OUR_FUNCTION = /^(?:synced_tables(?:_internal|_served)?|databricks_auth)\./;
/** Where Postgres itself is at work for one of our statements. */
const OUR_CONTEXT =
  /^(?:COPY [^,\n]+(?:,|$)|parallel worker$|SQL (?:statement|expression) "|PL\/pgSQL function (?:synced_tables(?:_internal|_served)?|databricks_auth)\.|while (?:inserting|updating|checking|locking|deleting|rechecking) )/;

/** The code of others that an error comes from, named as far as that is known; null if it is Postgres' own. */
function othersCode({ where = '' }: PostgresFailure): string | null {
  if (where === '') return null;
  const functions = [...where.matchAll(FUNCTION_LINE)].map(([, name = '']) => name);
  const other = functions.find((name) => !OUR_FUNCTION.test(name));
  if (other !== undefined) return `function ${other}`;
  return OUR_CONTEXT.test(where) ? null : 'code of others';
}

/** True if an error was raised by our own SQL functions, so that its texts are ours. */
export function isRaisedByUs({ where = '' }: PostgresFailure): boolean {
  const [line = ''] = where.split('\n');
  const [, name = ''] = /^PL\/pgSQL function (.+?)(?: line \d.*)?$/.exec(line) ?? [];
  return OUR_FUNCTION.test(name);
}

type Wording = readonly [template: RegExp, words?: (slots: readonly string[]) => string];

/**
 * Messages that are known, and what is repeated of them: all of it where it can hold names and limits only. Of a part
 * that follows a value nothing is believed but what the template lists.
 */
const KNOWN: readonly Wording[] = [
  [/^permission denied for [a-z ]+ \S+$/],
  [/^must be (?:owner of|a member of|superuser)[^\n]*$/],
  [/^duplicate key value violates unique constraint "[^"\n]*"$/],
  [/^null value in column "[^"\n]*" of relation "[^"\n]*" violates not-null constraint$/],
  [
    /^new row for relation "[^"\n]*" (violates check constraint "[^"\n]*"|violates partition constraint)$/,
    ([what]) => `a row ${what}`,
  ],
  [/^child table is missing (?:column|constraint) "[^"\n]*"$/],
  [/^value for domain [^\n]+ violates check constraint "[^"\n]*"$/],
  [
    /^(?:insert or update|update or delete) on table "[^"\n]*" violates foreign key constraint "[^"\n]*"(?: on table "[^"\n]*")?$/,
  ],
  [/^conflicting key value violates exclusion constraint "[^"\n]*"$/],
  [/^value too long for type [a-z ]+\(\d+\)$/],
  [/^(?:numeric field overflow|division by zero|extra data after last expected column|unexpected EOF in COPY data)$/],
  [/^missing data for column "[^"\n]*"$/],
  [/^(?:smallint|integer|bigint|interval|date|timestamp|time|money|OID) out of range/],
  [
    /^invalid input syntax for type ([a-z][a-z0-9_ ]*)/,
    ([type]) => `invalid input syntax for type ${type?.trim()}: "…"`,
  ],
  [
    /^value ".*" is out of range for type (smallint|integer|bigint|oid)$/s,
    ([type]) => `value "…" is out of range for type ${type}`,
  ],
  [
    /^".*" is out of range for type (real|double precision)$/s,
    ([type]) => `value "…" is out of range for type ${type}`,
  ],
  [/^date\/time field value out of range/, () => 'date/time field value out of range'],
  [/^time zone displacement out of range/, () => 'time zone displacement out of range'],
  [/^invalid byte sequence for encoding "(\w+)"/, ([name]) => `invalid byte sequence for encoding "${name}"`],
  [
    /^character with byte sequence (?:0x[0-9a-f]{2} )+in encoding "(\w+)" has no equivalent in encoding "(\w+)"$/,
    ([from, to]) => `a character in encoding "${from}" has no equivalent in encoding "${to}"`,
  ],
  [/^malformed (array|record|range|multirange) literal/, ([kind]) => `malformed ${kind} literal: "…"`],
  [/^invalid input value for enum ([^:\n]+):/, ([type]) => `invalid input value for enum ${type}: "…"`],
  [/^unsupported Unicode escape sequence$/],
  [/^expected \d+ dimensions, not \d+$/],
  [/^(?:vector|halfvec|sparsevec) (?:must have at least|cannot have more than) \d+ dimensions?$/],
  [/^(?:NaN|infinite value) not allowed in (?:vector|halfvec|sparsevec)$/],
  [/^index row (?:size \d+ exceeds|requires \d+ bytes, maximum size is \d+|size \d+ exceeds maximum \d+)[^\n]*$/],
  [/^row is too big: size \d+, maximum size \d+$/],
  [/^stack depth limit exceeded$/],
  [/^string too long to represent as jsonb string$/],
  [/^string is too long for tsvector \(\d+ bytes, max \d+ bytes\)$/],
  [/^(?:total size|number) of jsonb (?:array elements|object elements|object pairs) exceeds the maximum [a-z0-9() ]+$/],
  [/^tables can have at most \d+ columns$/],
  [/^target lists can have at most \d+ entries$/],
  [/^tuple concurrently (?:updated|deleted)$/],
  [/^invalid memory alloc request size \d+$/],
  [/^cache lookup failed for [a-z ]+ \d+$/],
];

function worded(message: string): string | null {
  for (const [template, words] of KNOWN) {
    const found = template.exec(message);
    if (found) return words ? words(found.slice(1)) : found[0];
  }
  return null;
}

const CLASS_WORDS: Readonly<Record<string, string>> = {
  '0A': 'feature not supported',
  '21': 'cardinality violation',
  '22': 'data exception',
  '23': 'integrity constraint violation',
  '2B': 'dependent objects still exist',
  '3F': 'invalid schema name',
  '42': 'syntax error or access rule violation',
  '44': 'WITH CHECK OPTION violation',
  '54': 'program limit exceeded',
  '55': 'object not in the required state',
  HV: 'error of a foreign data wrapper',
  P0: 'error of a function',
  XX: 'internal error',
};

/** What a class says too little of: mistakes that code of others makes most. */
const CODE_WORDS: Readonly<Record<string, string>> = {
  '42501': 'insufficient privilege',
  '42601': 'syntax error',
  '42703': 'undefined column',
  '42883': 'undefined function',
  '42P01': 'undefined table',
};

function described(code: string): string {
  const words = CODE_WORDS[code] ?? CLASS_WORDS[code.slice(0, 2)];
  return words === undefined ? `SQLSTATE ${code}` : `SQLSTATE ${code} (${words})`;
}
