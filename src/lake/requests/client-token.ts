import { z } from 'zod';
import { syncedTablesError } from '../../core/errors.js';
import { askCatalog, type CatalogRequestOptions } from './catalog-requests.js';
import { describeAnswer } from './server-answer.js';

/** How to sign in to an Iceberg REST catalog: with a token, or with what one is issued for (OAuth 2, client credentials). */
export interface SignIn {
  readonly token?: string | undefined;
  readonly oauth?:
    | {
        readonly clientId: string;
        readonly clientSecret: string;
        /** Default: `v1/oauth/tokens` of the catalog. */
        readonly tokenUri?: string | undefined;
        readonly scope?: string | undefined;
      }
    | undefined;
}

const issued = z.object({ access_token: z.string().min(1), expires_in: z.coerce.number().positive().nullish() });

/** What the Iceberg specification asks for by default. */
const SCOPE = 'catalog';
/** A new one is requested when so much of its life is left. */
const RENEW_AT = 0.25;
const LIFE_SECONDS = 3_600;

/** The token of a catalog: given, or issued when it is needed and again before it ends. */
export class ClientToken {
  readonly #options: CatalogRequestOptions;
  readonly #signIn: SignIn;
  readonly #uri: string;
  readonly #now: () => number;
  #current: { readonly token: string; readonly renewAtMs: number } | null = null;
  /** One request for all waiting callers. */
  #pending: Promise<string> | null = null;

  /** @param uri of the catalog */
  constructor(options: CatalogRequestOptions, signIn: SignIn, uri: string, now: () => number = Date.now) {
    this.#options = options;
    this.#signIn = signIn;
    this.#uri = uri;
    this.#now = now;
  }

  /** What must not be repeated in messages. */
  get secrets(): string[] {
    const { token, oauth } = this.#signIn;
    return [token, oauth?.clientSecret, this.#current?.token].flatMap((text) => (text ? [text] : []));
  }

  /** Null if the catalog needs none. */
  async get(table: string): Promise<string | null> {
    const { token, oauth } = this.#signIn;
    if (oauth === undefined) return token ?? null;
    if (this.#current !== null && this.#now() < this.#current.renewAtMs) return this.#current.token;
    this.#pending ??= this.#request(oauth, table).finally(() => {
      this.#pending = null;
    });
    return this.#pending;
  }

  /** Forgets an issued token that the catalog does not accept; false if it was not issued. */
  forget(): boolean {
    const wasIssued = this.#current !== null;
    this.#current = null;
    return wasIssued;
  }

  async #request(oauth: NonNullable<SignIn['oauth']>, table: string): Promise<string> {
    const { catalog } = this.#options;
    const { clientId, clientSecret, tokenUri = `${this.#uri}/v1/oauth/tokens`, scope = SCOPE } = oauth;
    const form = { grant_type: 'client_credentials', client_id: clientId, client_secret: clientSecret, scope };
    const request = { url: tokenUri, body: new URLSearchParams(form), parse: JSON.parse, secrets: this.secrets };
    const answer = await askCatalog(this.#options, request, table);
    const parsed = answer.status < 300 ? issued.safeParse(answer.body).data : undefined;
    if (!parsed) {
      const what = 'issued no token for the client credentials of the settings';
      throw syncedTablesError('CATALOG_TOKEN_REFUSED', { catalog, what, table, reason: describeAnswer(answer) });
    }
    const lifeMs = (parsed.expires_in ?? LIFE_SECONDS) * 1_000;
    this.#current = { token: parsed.access_token, renewAtMs: this.#now() + lifeMs * (1 - RENEW_AT) };
    return parsed.access_token;
  }
}
