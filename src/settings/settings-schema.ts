import { z } from 'zod';
import { projectIdOfName } from '../core/names.js';
import { catalog, catalogName } from './catalog-settings.js';
import { hasOnePassword, ONE_PASSWORD, passwordSource, postgresUrl, text } from './settings-parts.js';

const port = z.int().min(0).max(65_535);

const instance = z
  .strictObject({
    /** Connection string of one Postgres server; the database in it is managed unless `databases` names others. */
    url: postgresUrl,
    /** Of the server itself, where `url` is that of a pooler which does not keep sessions. */
    direct_url: postgresUrl.optional(),
    ...passwordSource,
    /** Databases of the server that hold synced tables. */
    databases: z.array(z.string().min(1)).min(1).optional(),
  })
  .refine(hasOnePassword, ONE_PASSWORD);

/** As on Lakebase, and with _, which was all there was here once. */
const instanceName = z.string().regex(/^[A-Za-z0-9_-]{1,63}$/, '1 to 63 letters, digits, - and _');

/** Tokens of an OpenID Connect issuer, in addition to those of `synced-tables token create`. */
const oidc = z.strictObject({
  issuer: z.url(),
  audience: z.string().min(1),
  /** Where the keys are; default: from the issuer's discovery document. */
  jwks_uri: z.url().optional(),
  /** The claim that names the role its bearer acts as: a text or a list of texts. */
  role_claim: z.string().min(1).default('sub'),
  /** Postgres role by value of the claim; without it, the value is the role. */
  roles: z.record(z.string(), z.string().min(1)).optional(),
});

/** A token that the operator chose, for a sidecar that starts before anybody could make one. */
const firstToken = z.strictObject({
  /** As long as a guess is hopeless: the database keeps a plain hash of it. */
  token: z.string().regex(/^[\w-]{32,256}$/, '32 to 256 letters, digits, - and _, such as openssl rand -hex 32 prints'),
  /** The Postgres role that its bearer acts as. */
  role: z.string().min(1).default('databricks_superuser'),
});

/** Instances appear as projects, too, whose ids have neither capitals nor underscores. */
function haveOwnProjects(instances: Record<string, unknown>): boolean {
  const names = Object.keys(instances);
  return new Set(names.map(projectIdOfName)).size === names.length;
}

const NOTICE_KINDS = ['failed', 'recovered', 'lagging', 'caught_up', 'changed_by_hand', 'differs'] as const;

/**
 * The settings file. Every key is optional except `instances`, which is optional too where Postgres is not needed
 * (`loadSettings` checks that); unknown keys are errors.
 */
export const settingsSchema = z.strictObject({
  instances: z
    .record(instanceName, instance)
    .default({})
    .refine(haveOwnProjects, 'names that differ by more than capitals and - for _'),
  catalogs: z.record(catalogName, catalog).default({}),
  api: z
    .strictObject({
      host: z.string().min(1).default('127.0.0.1'),
      port: port.default(8080),
      /** The address at which people reach the server through a proxy, with the path before ours if there is one. */
      public_url: z.url({ protocol: /^https?$/ }).optional(),
      oidc: oidc.optional(),
      /** Made on instances that never had a token, by `migrate` and `serve`. */
      first_token: firstToken.optional(),
    })
    .prefault({}),
  /** The web console. */
  console: z
    .strictObject({
      enabled: z.boolean().default(true),
      /** Whether callers who may create synced tables may look at rows of sources, which they could have copied anyway. */
      sample_rows: z.boolean().default(true),
    })
    .prefault({}),
  /** Pipelines of flows created over HTTP. */
  pipelines: z
    .strictObject({
      /** Folder of the files that requests may name, relative to the settings file; without it they can name none. */
      folder: text.optional(),
    })
    .prefault({}),
  /** Files of callers, as `databricks bundle` keeps them. */
  workspace: z
    .strictObject({
      /** Folder that holds them, relative to the settings file; several sidecars share it. Without it none are kept. */
      folder: text.optional(),
      /** Of one file. */
      file_mb: z.int().min(1).max(1_024).default(10),
      /** Of all files of one caller, and of those in the shared folder. */
      caller_mb: z.int().min(1).max(1_048_576).default(500),
      caller_files: z.int().min(10).max(1_000_000).default(10_000),
    })
    .prefault({}),
  engine: z
    .strictObject({
      memory_limit_mb: z.int().min(64).max(1_048_576).default(256),
      threads: z.int().min(1).max(256).default(1),
      temporary_folder: z.string().min(1).optional(),
    })
    .prefault({}),
  /** Files of object stores, and requests to them and to catalog servers. */
  storage: z
    .strictObject({
      /** Disk for fetched files, for each table that is being read. */
      spool_mb: z.int().min(1).max(1_048_576).default(1_024),
      parallel_fetches: z.int().min(1).max(256).default(8),
      timeout_seconds: z.number().min(0.1).max(3_600).default(30),
      attempts: z.int().min(1).max(20).default(6),
    })
    .prefault({}),
  sync: z
    .strictObject({
      /** Connections that load one table at once. */
      connections: z.int().min(1).max(16).default(1),
      /** The same for tables created with `accelerated_sync`. */
      accelerated_connections: z.int().min(1).max(16).default(4),
      concurrent_updates: z.int().min(1).max(64).default(2),
      /** Sessions in each database at most; by default a third of those that are free at the start, 9 to 24. */
      sessions: z.int().min(9).max(1_000).optional(),
      /** Batches of followed tables that are applied at once, each over a session of its own. */
      concurrent_batches: z.int().min(1).max(64).default(4),
      /** After this time another sidecar takes over the pipelines of one that died. */
      lease_seconds: z.number().min(1).max(3_600).default(6),
      poll_seconds: z.number().min(0.05).max(3_600).default(10),
      /** How often CONTINUOUS pipelines look for commits, unless they set another interval. */
      trigger_interval_ms: z.int().min(10).max(3_600_000).default(500),
      /** How long to keep ended updates and events. */
      history_days: z.int().min(1).max(3_650).default(30),
    })
    .prefault({}),
  /** What operators are told without asking: see docs/guides/observability.md. */
  notices: z
    .strictObject({
      /** A table that is further behind its source is told of. */
      lag_seconds: z.int().min(10).max(31_536_000).default(900),
      webhook: z
        .strictObject({
          url: z.url({ protocol: /^https?$/ }),
          /** Signs what is sent. */
          secret: text.optional(),
          events: z
            .array(z.enum(NOTICE_KINDS))
            .min(1)
            .default([...NOTICE_KINDS]),
          timeout_seconds: z.number().min(0.1).max(60).default(10),
        })
        .optional(),
    })
    .prefault({}),
  log: z.strictObject({ level: z.enum(['debug', 'info', 'warn', 'error', 'silent']).default('info') }).prefault({}),
});

export type Settings = z.infer<typeof settingsSchema>;
