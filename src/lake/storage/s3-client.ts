import { Readable } from 'node:stream';
import type { S3Client } from '@aws-sdk/client-s3';
import type { FileStat } from './file-store.js';
import { loadClient } from './load-client.js';
import {
  explainRequestError,
  type ListOptions,
  type ObjectClient,
  type ObjectLocation,
  type ObjectPage,
  type ObjectRange,
  ObjectRequestError,
  statusOf,
} from './object-client.js';
import type { TemporaryCredentials } from './temporary-credentials.js';

export interface S3Settings {
  /** Of a compatible store; default: AWS. */
  readonly endpoint?: string | undefined;
  readonly region?: string | undefined;
  /** Bucket in the path instead of the host name. Default: true with an endpoint. */
  readonly pathStyle?: boolean | undefined;
  /** Without these, the client's own chain: environment, profile, web identity, instance role. */
  readonly accessKeyId?: string | undefined;
  readonly secretAccessKey?: string | undefined;
  readonly sessionToken?: string | undefined;
}

/** Used if no region is known; the client follows the store's redirect if the bucket is in another. */
const REGION_DEFAULT = 'us-east-1';

type Sdk = typeof import('@aws-sdk/client-s3');

/** S3 and compatible stores. The official client is loaded with the first request. */
export class S3ObjectClient implements ObjectClient {
  readonly #settings: S3Settings;
  readonly #temporary: TemporaryCredentials | null;
  /** One per endpoint: `r2://bucket@host/…` names its own. */
  readonly #clients = new Map<string, Promise<{ sdk: Sdk; client: S3Client }>>();

  constructor(settings: S3Settings, temporary: TemporaryCredentials | null) {
    this.#settings = settings;
    this.#temporary = temporary;
  }

  async stat(location: ObjectLocation, signal: AbortSignal): Promise<FileStat | null> {
    const { sdk, client } = await this.#connect(location);
    try {
      const found = await client.send(new sdk.HeadObjectCommand(objectName(location)), { abortSignal: signal });
      return {
        sizeBytes: found.ContentLength ?? 0,
        modifiedAtMs: found.LastModified?.getTime() ?? 0,
        etag: found.ETag ?? null,
      };
    } catch (error) {
      // A HEAD has no body: a missing bucket and a missing object look alike.
      if (statusOf(error) === 404) return null;
      throw explainRequestError(error);
    }
  }

  async read(location: ObjectLocation, range: ObjectRange, signal: AbortSignal): Promise<Readable | null> {
    const { sdk, client } = await this.#connect(location);
    const { offset, length, etag } = range;
    const last = length === null ? '' : String(offset + length - 1);
    // The signal given to the client would also cut off a slow body; here it covers only the start of the answer.
    const answer = new AbortController();
    const abort = () => answer.abort();
    signal.addEventListener('abort', abort, { once: true });
    try {
      const found = await client.send(
        new sdk.GetObjectCommand({
          ...objectName(location),
          Range: `bytes=${offset}-${last}`,
          ...(etag === null ? {} : { IfMatch: etag }),
        }),
        { abortSignal: answer.signal },
      );
      return found.Body as Readable;
    } catch (error) {
      const explained = explainRequestError(error);
      if (statusOf(error) === 416) return Readable.from([]);
      if (statusOf(error) === 404 && explained.kind !== 'noBucket') return null;
      throw explained;
    } finally {
      signal.removeEventListener('abort', abort);
    }
  }

  async list(location: ObjectLocation, options: ListOptions, signal: AbortSignal): Promise<ObjectPage> {
    const { sdk, client } = await this.#connect(location);
    const { Bucket, Key: Prefix } = objectName(location);
    try {
      const page = await client.send(
        new sdk.ListObjectsV2Command({
          Bucket,
          Prefix,
          Delimiter: '/',
          MaxKeys: options.keysMax,
          ...(options.next === null ? {} : { ContinuationToken: options.next }),
          ...(options.after === null || options.next !== null ? {} : { StartAfter: options.after }),
        }),
        { abortSignal: signal },
      );
      return {
        files: (page.Contents ?? []).map((object) => object.Key ?? ''),
        folders: (page.CommonPrefixes ?? []).map((prefix) => prefix.Prefix ?? ''),
        next: page.IsTruncated === true ? (page.NextContinuationToken ?? null) : null,
      };
    } catch (error) {
      throw explainRequestError(error);
    }
  }

  #connect(location: ObjectLocation): Promise<{ sdk: Sdk; client: S3Client }> {
    const [, host] = location.authority.split('@');
    const endpoint = host === undefined ? this.#settings.endpoint : `https://${host}`;
    const known = this.#clients.get(endpoint ?? '');
    if (known) return known;
    const made = this.#open(location.scheme, endpoint);
    this.#clients.set(endpoint ?? '', made);
    return made;
  }

  async #open(scheme: string, endpoint: string | undefined): Promise<{ sdk: Sdk; client: S3Client }> {
    // Its warning about future versions of Node would appear between the lines of our log.
    process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true';
    const needed = { packages: '@aws-sdk/client-s3', url: `${scheme}://` };
    const sdk: Sdk = await loadClient(() => import('@aws-sdk/client-s3'), needed);
    const { region, pathStyle, accessKeyId, secretAccessKey, sessionToken } = this.#settings;
    const temporary = this.#temporary;
    const fixed =
      accessKeyId === undefined || secretAccessKey === undefined
        ? {}
        : { credentials: { accessKeyId, secretAccessKey, ...(sessionToken === undefined ? {} : { sessionToken }) } };
    const client = new sdk.S3Client({
      region: region ?? process.env.AWS_REGION ?? process.env.AWS_DEFAULT_REGION ?? REGION_DEFAULT,
      followRegionRedirects: true,
      forcePathStyle: pathStyle ?? endpoint !== undefined,
      // The caller repeats requests, in the same way for all stores.
      maxAttempts: 1,
      // Many compatible stores do not support the newer checksums.
      requestChecksumCalculation: 'WHEN_REQUIRED',
      responseChecksumValidation: 'WHEN_REQUIRED',
      ...(endpoint === undefined ? {} : { endpoint }),
      ...(temporary === null ? fixed : { credentials: () => s3Credentials(temporary) }),
    });
    return { sdk, client };
  }
}

async function s3Credentials(temporary: TemporaryCredentials) {
  const { aws, expiresAtMs } = await temporary.get();
  if (!aws) throw new ObjectRequestError('denied', 'the catalog gave no credentials for S3');
  const { accessKeyId, secretAccessKey, sessionToken } = aws;
  return {
    accessKeyId,
    secretAccessKey,
    ...(sessionToken === undefined ? {} : { sessionToken }),
    ...(expiresAtMs === null ? {} : { expiration: new Date(expiresAtMs) }),
  };
}

function objectName({ authority, key }: ObjectLocation): { Bucket: string; Key: string } {
  return { Bucket: authority.split('@')[0] ?? authority, Key: key };
}
