import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { syncedTablesError } from '../../core/errors.js';

/** What a sharing server is asked with: the file that its provider gave, or what would be in it. */
export type SharingCredentials = { readonly profile: string } | { readonly endpoint: string; readonly token: string };

/** A sharing server's address and the token that it knows us by. */
export interface SharingAccess {
  readonly endpoint: string;
  readonly token: string;
}

const profileShape = z.object({
  shareCredentialsVersion: z.int(),
  type: z.string().nullish(),
  endpoint: z.url({ protocol: /^https?$/ }),
  bearerToken: z.string().min(1),
  expirationTime: z.string().nullish(),
});

/** The version of the file's format that has bearer tokens. */
const VERSION = 1;

/**
 * Reads the profile anew, so that one that was renewed counts at once.
 * @param names of the catalog in the settings and of the table that is looked up, for messages
 * @throws SHARING_PROFILE_INVALID, CATALOG_TOKEN_EXPIRED
 */
export async function sharingAccess(
  credentials: SharingCredentials,
  { catalog, table }: { readonly catalog: string; readonly table: string },
  now = Date.now(),
): Promise<SharingAccess> {
  if (!('profile' in credentials)) return credentials;
  const { profile: file } = credentials;
  const invalid = (reason: string) => syncedTablesError('SHARING_PROFILE_INVALID', { catalog, file, reason });
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw invalid(error.code === 'ENOENT' ? 'it does not exist' : `it cannot be read (${error.code})`);
  });
  const parsed = profileShape.safeParse(parseJson(text));
  const kind = z
    .object({ shareCredentialsVersion: z.int(), type: z.string().nullish() })
    .safeParse(parseJson(text)).data;
  if (kind && (kind.shareCredentialsVersion !== VERSION || (kind.type ?? 'bearer_token') !== 'bearer_token')) {
    const type = kind.type ? ` of type ${kind.type.slice(0, 40)}` : '';
    throw invalid(
      `it is of version ${kind.shareCredentialsVersion}${type}, and only bearer tokens (version 1) are known`,
    );
  }
  if (!parsed.success) {
    const fields = parsed.error.issues.map(({ path }) => path.join('.') || 'all of it').join(', ');
    throw invalid(`these are missing or malformed: ${fields}`);
  }
  const { endpoint, bearerToken: token, expirationTime } = parsed.data;
  if (expirationTime) {
    const expiresAtMs = Date.parse(expirationTime);
    if (Number.isNaN(expiresAtMs)) throw invalid('its expirationTime is not a time');
    if (expiresAtMs <= now) {
      const time = new Date(expiresAtMs).toISOString();
      throw syncedTablesError('CATALOG_TOKEN_EXPIRED', { catalog, file, time, table });
    }
  }
  return { endpoint, token };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Its error quotes the text, which holds the token.
    return null;
  }
}
