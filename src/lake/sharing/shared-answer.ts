import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { Field } from '../../core/data-type.js';
import type { ChangeFileAction, FileAction, MetadataAction, ProtocolAction } from '../delta/log/action.js';
import { ActionFormatError, actionsOf } from '../delta/log/parse-action.js';
import type { SharedUrl, SharedUrls } from './shared-files.js';

/** What an answer says of a file, which is named as `SharedAnswer.urls` names it. */
export interface SharedFileAction {
  readonly action: FileAction | ChangeFileAction;
  /** Null if the answer does not say. */
  readonly version: bigint | null;
  /** When that version was committed, in milliseconds since 1970. */
  readonly committedAtMs: number | null;
}

/** A change of the table itself; the first ones of an answer say what is in force where it begins. */
interface SharedHead<Kind> {
  readonly action: Kind;
  readonly version: bigint | null;
}

/** A sharing server's answer about a table, in whichever of the two formats. */
export interface SharedAnswer {
  /** As its header says; null if it has none. */
  readonly version: bigint | null;
  readonly protocols: readonly SharedHead<ProtocolAction>[];
  readonly metadata: readonly SharedHead<MetadataAction>[];
  readonly files: readonly SharedFileAction[];
  readonly urls: SharedUrls;
  readonly place: SharedPlace;
  /** Gives new addresses for the same files. */
  readonly refreshToken: string | null;
}

/** Where the table is, for those who may read it there. */
export interface SharedPlace {
  readonly location: string | null;
  readonly auxiliaryLocations: readonly string[];
  readonly accessModes: readonly string[];
}

/** The end of one page. */
export interface SharedEnd {
  readonly nextPageToken: string | null;
}

const count = z.int().nonnegative();
/** What `actionsOf` looks into; a shape of its own would look at everything twice. */
const fields = z.custom<Record<string, unknown>>(isFields);
const texts = z.array(z.string()).nullish();

const place = z.object({ location: z.string().nullish(), auxiliaryLocations: texts, accessModes: texts });
const protocolLine = z.union([
  z.object({ deltaProtocol: fields, version: count.nullish() }),
  z.object({ minReaderVersion: count }),
]);
const metadataLine = z.object({ deltaMetadata: fields.nullish(), version: count.nullish(), ...place.shape });
const fileShape = {
  id: z.string().min(1),
  version: count.nullish(),
  timestamp: z.int().nullish(),
  expirationTimestamp: z.int().nullish(),
};
const deltaFileLine = z.object({
  ...fileShape,
  size: count.nullish(),
  deletionVectorFileId: z.string().nullish(),
  deltaSingleAction: z.object({ add: fields.nullish(), remove: fields.nullish(), cdc: fields.nullish() }),
});
const parquetFileLine = z.object({
  ...fileShape,
  url: z.string(),
  size: count,
  partitionValues: z.record(z.string(), z.string().nullable()).nullish(),
  stats: z.string().nullish().catch(null),
});
const endLine = z.object({
  refreshToken: z.string().nullish(),
  nextPageToken: z.string().nullish(),
  errorMessage: z.string().nullish(),
});
const vector = z.looseObject({ storageType: z.string(), pathOrInlineDv: z.string() });

/** What a server says in place of the rest of an answer. */
export class SharedAnswerFailed extends Error {
  override readonly name = 'SharedAnswerFailed';
}

const HTTPS = /^https:\/\/[^\s/]/i;
const HTTP = /^https?:\/\/[^\s/]/i;

/** The version of Delta Sharing's own format, which tables without features are given in. */
const PARQUET_FORMAT_VERSION = 1;

/** Names of columns and files in Delta Sharing's own format, and what Delta calls them. */
const PARQUET_ACTIONS: Readonly<Record<string, 'add' | 'remove' | 'cdc'>> = {
  file: 'add',
  add: 'add',
  remove: 'remove',
  cdf: 'cdc',
};

/** Collects the lines of an answer, page by page. */
export class SharedAnswerReader {
  readonly #protocols: SharedHead<ProtocolAction>[] = [];
  readonly #metadata: SharedHead<MetadataAction>[] = [];
  readonly #files: SharedFileAction[] = [];
  readonly #urls = new Map<string, SharedUrl>();
  readonly #isHttpAllowed: boolean;
  readonly #statisticsOf: readonly Field[];
  #place: SharedPlace = { location: null, auxiliaryLocations: [], accessModes: [] };
  #refreshToken: string | null = null;
  #end: SharedEnd | null = null;

  /**
   * @param isHttpAllowed whether addresses of files need not be encrypted: where those of the server are not either
   * @param statisticsOf columns for which the statistics of added files are read
   */
  constructor(isHttpAllowed: boolean, statisticsOf: readonly Field[] = []) {
    this.#isHttpAllowed = isHttpAllowed;
    this.#statisticsOf = statisticsOf;
  }

  /** The end that the server has marked; null if it has marked none. */
  get end(): SharedEnd | null {
    return this.#end;
  }

  /**
   * @throws ActionFormatError if it is none of an answer, in words without values; SharedAnswerFailed if the server says
   *   that it failed
   */
  line(text: string): void {
    const bodies = parseLine(text);
    if (bodies.protocol) this.#protocol(bodies.protocol);
    else if (bodies.metaData) this.#metaData(bodies.metaData);
    else if (bodies.endStreamAction) this.#endStream(bodies.endStreamAction);
    else if (isFields(bodies.file) && bodies.file.deltaSingleAction) this.#deltaFile(bodies.file);
    else {
      for (const [name, kind] of Object.entries(PARQUET_ACTIONS)) {
        if (bodies[name]) this.#parquetFile(kind, bodies[name]);
      }
    }
  }

  answer(version: bigint | null): SharedAnswer {
    return {
      version,
      protocols: this.#protocols,
      metadata: this.#metadata,
      files: this.#files,
      urls: this.#urls,
      place: this.#place,
      refreshToken: this.#refreshToken,
    };
  }

  #protocol(body: unknown): void {
    const parsed = parse(protocolLine, body, 'protocol');
    if ('deltaProtocol' in parsed) {
      const [action] = actionsOf({ protocol: parsed.deltaProtocol });
      if (action?.kind === 'protocol') this.#protocols.push({ action, version: versionOf(parsed) });
      return;
    }
    const { minReaderVersion } = parsed;
    if (minReaderVersion > PARQUET_FORMAT_VERSION) {
      throw new ActionFormatError(`it is of version ${minReaderVersion} of Delta Sharing's own format`);
    }
    this.#protocols.push({ action: { kind: 'protocol', minReaderVersion, readerFeatures: null }, version: null });
  }

  #metaData(body: unknown): void {
    const parsed = parse(metadataLine, body, 'metaData');
    const metaData = parsed.deltaMetadata ?? inDeltaTerms(body as Record<string, unknown>);
    const [action] = actionsOf({ metaData });
    if (action?.kind === 'metaData') this.#metadata.push({ action, version: versionOf(parsed) });
    const { location = null, auxiliaryLocations, accessModes } = parsed;
    this.#place = {
      location,
      auxiliaryLocations: auxiliaryLocations ?? [],
      accessModes: (accessModes ?? []).map((mode) => mode.toLowerCase()),
    };
  }

  #deltaFile(body: unknown): void {
    const parsed = parse(deltaFileLine, body, 'file');
    const { add, remove, cdc } = parsed.deltaSingleAction;
    for (const [kind, given] of [['add', add] as const, ['remove', remove] as const, ['cdc', cdc] as const]) {
      if (!given) continue;
      const path = this.#keep(`${nameOf(parsed.id)}.parquet`, given.path, parsed.expirationTimestamp);
      const deletionVector = given.deletionVector && this.#vector(given.deletionVector, parsed);
      const size = given.size ?? parsed.size;
      const action = { [kind]: { ...given, path, size, deletionVector } };
      this.#push(actionsOf(action, this.#statisticsOf), parsed);
    }
  }

  /** A vector in a file gets a name like the data files; the address would be another one in each answer. */
  #vector(body: unknown, file: z.infer<typeof deltaFileLine>): unknown {
    const parsed = parse(vector, body, 'file.deletionVector');
    if (parsed.storageType !== 'p') return parsed;
    const id = file.deletionVectorFileId || parsed.pathOrInlineDv.replace(/[?#].*$/s, '');
    const pathOrInlineDv = this.#keep(`${nameOf(id)}.bin`, parsed.pathOrInlineDv, file.expirationTimestamp);
    return { ...parsed, pathOrInlineDv };
  }

  #parquetFile(kind: 'add' | 'remove' | 'cdc', body: unknown): void {
    const parsed = parse(parquetFileLine, body, 'file');
    const { url, size, partitionValues, stats } = parsed;
    const path = this.#keep(`${nameOf(parsed.id)}.parquet`, url, parsed.expirationTimestamp);
    const action = { [kind]: { path, size, partitionValues: partitionValues ?? {}, stats } };
    this.#push(actionsOf(action, this.#statisticsOf), parsed);
  }

  #push(actions: ReturnType<typeof actionsOf>, file: Pick<z.infer<typeof parquetFileLine>, 'version' | 'timestamp'>) {
    for (const action of actions) {
      if (action.kind !== 'add' && action.kind !== 'remove' && action.kind !== 'cdc') continue;
      this.#files.push({ action, version: versionOf(file), committedAtMs: file.timestamp ?? null });
    }
  }

  #keep(name: string, url: unknown, expiresAtMs: number | null | undefined): string {
    if (typeof url !== 'string' || !(this.#isHttpAllowed ? HTTP : HTTPS).test(url)) {
      throw new ActionFormatError('a file in it has no https address');
    }
    this.#urls.set(name, { url, expiresAtMs: expiresAtMs ?? null });
    return name;
  }

  #endStream(body: unknown): void {
    const { refreshToken, nextPageToken, errorMessage } = parse(endLine, body, 'endStreamAction');
    if (errorMessage) throw new SharedAnswerFailed(errorMessage);
    this.#refreshToken = refreshToken || this.#refreshToken;
    this.#end = { nextPageToken: nextPageToken || null };
  }
}

function parseLine(text: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // The error of JSON.parse quotes the line, which holds addresses and values.
    throw new ActionFormatError('it is not valid JSON');
  }
  if (!isFields(value)) throw new ActionFormatError('it is not a JSON object');
  // The end is marked by a line like all others, or by what it says alone.
  const isEnd = ['refreshToken', 'nextPageToken', 'minUrlExpirationTimestamp', 'errorMessage'].some(
    (key) => key in value,
  );
  return isEnd ? { endStreamAction: value } : value;
}

function isFields(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function parse<Shape>(shape: z.ZodType<Shape>, body: unknown, name: string): Shape {
  const parsed = shape.safeParse(body);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new ActionFormatError(`${[name, ...(issue?.path ?? [])].join('.')} is malformed (${issue?.message})`);
}

function versionOf({ version }: { readonly version?: number | null | undefined }): bigint | null {
  return version === null || version === undefined ? null : BigInt(version);
}

/** Delta Sharing's own format keeps one of the table properties, without its prefix. */
function inDeltaTerms(body: Record<string, unknown>): Record<string, unknown> {
  const configuration = isFields(body.configuration) ? body.configuration : {};
  const { enableChangeDataFeed, ...others } = configuration;
  if (enableChangeDataFeed === undefined) return body;
  return { ...body, configuration: { 'delta.enableChangeDataFeed': enableChangeDataFeed, ...others } };
}

/** An id as a name of a file: it may hold anything. */
function nameOf(id: string): string {
  return /^[\w-][\w.-]{0,100}$/.test(id) ? id : createHash('sha256').update(id).digest('hex');
}
