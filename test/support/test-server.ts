/** A PostgreSQL server that tests may use: databases and roles come and go there. */
export interface TestServer {
  /** For test titles, for example "PostgreSQL 18". */
  readonly name: string;
  readonly major: number;
  /** Connects as a superuser. */
  readonly url: string;
}

declare module 'vitest' {
  interface ProvidedContext {
    readonly postgresServers: TestServer[];
  }
}
