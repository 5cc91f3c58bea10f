import { z } from 'zod';

const port = z.int().min(0).max(65_535);

const postgresUrl = z
  .string()
  .refine(
    (text) => /^postgres(ql)?:\/\//.test(text) && URL.canParse(text),
    'a URL such as postgres://user@host:5432/database',
  );

const instance = z.strictObject({
  /** Connection string of one Postgres server; the database in it is managed unless `databases` names others. */
  url: postgresUrl,
  /** Databases of the server that hold synced tables. */
  databases: z.array(z.string().min(1)).min(1).optional(),
});

const catalogName = z.string().regex(/^[A-Za-z0-9_]+$/, 'letters, digits and _');

const pathCatalog = z.strictObject({
  kind: z.literal('path'),
  /** Folder of the lake: `<root>/<schema>/<table>`. Relative to the settings file. */
  root: z.string().min(1),
  /** Whether tables may refer to files outside their own folder (shallow clones, converted tables). */
  allow_outside_paths: z.boolean().default(false),
  /** Zone of timestamp partition values that name none. */
  partition_time_zone: z.string().min(1).default('UTC'),
});

/** Tokens of an OpenID Connect issuer, as a second kind beside those of `synced-tables token create`. */
const oidc = z.strictObject({
  issuer: z.url(),
  audience: z.string().min(1),
  /** Where the keys are; default: what the issuer's discovery document says. */
  jwks_uri: z.url().optional(),
  /** The claim that says as which role its bearer acts: a text or a list of texts. */
  role_claim: z.string().min(1).default('sub'),
  /** Postgres role by value of the claim; without it, the value is the role. */
  roles: z.record(z.string(), z.string().min(1)).optional(),
});

/**
 * The settings file. Every key is optional but `instances`, and that too where no Postgres is needed (`loadSettings`
 * sees to it); unknown keys are errors.
 */
export const settingsSchema = z.strictObject({
  instances: z.record(catalogName, instance).default({}),
  catalogs: z.record(catalogName, z.discriminatedUnion('kind', [pathCatalog])).default({}),
  api: z
    .strictObject({ host: z.string().min(1).default('127.0.0.1'), port: port.default(8080), oidc: oidc.optional() })
    .prefault({}),
  engine: z
    .strictObject({
      memory_limit_mb: z.int().min(64).max(1_048_576).default(256),
      threads: z.int().min(1).max(256).default(2),
      temporary_folder: z.string().min(1).optional(),
    })
    .prefault({}),
  sync: z
    .strictObject({
      /** Connections that load one table at once. */
      connections: z.int().min(1).max(16).default(1),
      /** The same for tables created with `accelerated_sync`. */
      accelerated_connections: z.int().min(1).max(16).default(4),
      concurrent_updates: z.int().min(1).max(64).default(2),
      /** Another sidecar goes on with the pipelines of one that died after this time. */
      lease_seconds: z.number().min(1).max(3_600).default(6),
      poll_seconds: z.number().min(0.05).max(3_600).default(10),
      /** How often CONTINUOUS pipelines look for commits, unless they have an interval of their own. */
      trigger_interval_ms: z.int().min(10).max(3_600_000).default(500),
      /** How long ended updates and events are kept. */
      history_days: z.int().min(1).max(3_650).default(30),
    })
    .prefault({}),
  log: z.strictObject({ level: z.enum(['debug', 'info', 'warn', 'error', 'silent']).default('info') }).prefault({}),
});

export type Settings = z.infer<typeof settingsSchema>;
