/** Who sent a request, and as which Postgres role it is served. */
export interface Caller {
  /** What `current-user/me` and logs call the caller. */
  readonly name: string;
  /** `local`: no token exists yet, and the request came to the loopback address. */
  readonly kind: 'token' | 'oidc' | 'local';
  /**
   * The role on an instance: null for the role of the instance's connection string (`local` callers only), undefined
   * where the caller has none, so that the instance does not exist for him.
   */
  roleOn(instance: string): string | null | undefined;
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Set for every route below `addServices` before its handler runs. */
    caller: Caller;
  }
}
