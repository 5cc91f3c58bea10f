import type { S3Settings } from '../storage/s3-client.js';
import { parseLocation } from '../storage/storage-url.js';
import type { StoreCredentials } from '../storage/temporary-credentials.js';
import type { LoadedTable } from './rest-client.js';

type Config = ReadonlyMap<string, string>;

/**
 * The properties for reading files at a location: of several prefixes with credentials, the longest that fits counts
 * over what the table says (OpenAPI document, "StorageCredential").
 */
export function configFor(
  { config, credentials }: Pick<LoadedTable, 'config' | 'credentials'>,
  location: string,
): Config {
  const fitting = credentials
    .filter(({ prefix }) => isPrefix(prefix, location))
    .sort((a, b) => a.prefix.length - b.prefix.length);
  return new Map([...config, ...(fitting.at(-1)?.config ?? [])]);
}

/** Schemes have several names for one store. */
function isPrefix(prefix: string, location: string): boolean {
  const [a, b] = [parseLocation(prefix), parseLocation(location)];
  if (a === null || b === null) return location.startsWith(prefix);
  return a.scheme === b.scheme && a.authority === b.authority && b.key.startsWith(a.key);
}

/** Credentials for a location among the properties of a table; null if there are none that a store takes. */
export function credentialsOf(config: Config, location: string): StoreCredentials | null {
  const place = parseLocation(location);
  switch (place?.scheme) {
    case 's3':
    case 'r2':
      return awsCredentials(config);
    case 'gs': {
      const gcpToken = config.get('gcs.oauth2.token');
      return gcpToken === undefined ? null : { expiresAtMs: timeOf(config, 'gcs.oauth2.token-expires-at'), gcpToken };
    }
    case 'abfss':
      return azureCredentials(config, place.authority);
    default:
      return null;
  }
}

function awsCredentials(config: Config): StoreCredentials | null {
  const [accessKeyId, secretAccessKey] = [config.get('s3.access-key-id'), config.get('s3.secret-access-key')];
  if (accessKeyId === undefined || secretAccessKey === undefined) return null;
  const expiresAtMs = timeOf(config, 's3.session-token-expires-at-ms');
  return { expiresAtMs, aws: { accessKeyId, secretAccessKey, sessionToken: config.get('s3.session-token') } };
}

/** The name of the account, alone or in full, ends the property; `container@account…` is the authority. */
function azureCredentials(config: Config, authority: string): StoreCredentials | null {
  const host = authority.split('@').at(-1) ?? '';
  const name = [host, host.split('.')[0] ?? ''].find((account) => config.has(`adls.sas-token.${account}`));
  const azureSas = name === undefined ? undefined : config.get(`adls.sas-token.${name}`);
  return azureSas === undefined
    ? null
    : { expiresAtMs: timeOf(config, `adls.sas-token-expires-at-ms.${name}`), azureSas };
}

function timeOf(config: Config, name: string): number | null {
  const text = config.get(name);
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : null;
}

/** Where the store is, as a catalog says it; what the settings say comes first. */
export function s3SettingsOf(config: Config, settings: S3Settings | undefined): S3Settings {
  const pathStyle = config.get('s3.path-style-access');
  const found: S3Settings = {
    endpoint: config.get('s3.endpoint'),
    region: config.get('client.region') ?? config.get('s3.region'),
    pathStyle: pathStyle === undefined ? undefined : pathStyle === 'true',
  };
  const given = Object.entries(settings ?? {}).filter(([, value]) => value !== undefined);
  return { ...found, ...Object.fromEntries(given) };
}
