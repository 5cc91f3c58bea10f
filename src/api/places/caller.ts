import type { SyncedTablesError } from '../../core/errors.js';

/** The sender of a request, and the Postgres role that serves it. */
export interface Caller {
  /** The name in `current-user/me` and in logs. */
  readonly name: string;
  /** `local`: no token exists yet, and the request came to the loopback address. */
  readonly kind: 'token' | 'oidc' | 'local';
  /** Whether the request relied on the session of the web console. */
  readonly isSession?: true;
  /** Instances that did not answer when they were asked for the caller's role, and why: what is there, nobody can tell. */
  readonly unreachable?: ReadonlyMap<string, SyncedTablesError>;
  /**
   * The role on an instance: null for the role of the instance's connection string (`local` callers only), undefined if
   * the caller has none, so that the instance does not exist for them.
   */
  roleOn(instance: string): string | null | undefined;
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Set before the handler runs, for every route below `addServices`. */
    caller: Caller;
    /** Identifies the caller anew, for replies that last: throws once the token is no longer valid. */
    knowAgain: () => Promise<Caller>;
    /** The body before its schema removed unknown fields: for messages about it. */
    sentBody?: unknown;
  }
}
