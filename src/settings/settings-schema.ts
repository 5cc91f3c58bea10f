import { z } from 'zod';
import { parseLakehouseType } from '../core/lakehouse-type.js';
import { projectIdOfName } from '../core/names.js';
import { hasPassword, postgresUrlFault, withHost } from '../core/postgres-url.js';
import { isSourceNamePart } from '../core/source-name.js';

const port = z.int().min(0).max(65_535);

const postgresUrl = z
  .string()
  .superRefine((url, context) => {
    const fault = postgresUrlFault(url);
    if (fault !== null) context.addIssue({ code: 'custom', message: fault });
  })
  .transform(withHost);

/** Where a password comes from that may change: it is read anew for each connection. */
const passwordSource = {
  /** A file that holds the password and nothing else; relative to the settings file. */
  password_file: z.string().min(1).optional(),
  /** A command of the shell that prints the password, such as one that makes a token. */
  password_command: z.string().min(1).optional(),
};

interface PasswordPlaces {
  readonly url: string;
  readonly direct_url?: string | undefined;
  readonly password_file?: string | undefined;
  readonly password_command?: string | undefined;
}

function hasOnePassword({ url, direct_url: direct, password_file: file, password_command: command }: PasswordPlaces) {
  const inUrls = [url, direct ?? ''].some(hasPassword);
  return [inUrls, file !== undefined, command !== undefined].filter(Boolean).length <= 1;
}

const ONE_PASSWORD = {
  path: ['password_file'],
  error: 'one of a password in the url, password_file and password_command',
};

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

const catalogName = z.string().refine(isSourceNamePart, 'up to 255 characters but . / spaces and quotes');

const text = z.string().min(1);

/** How to reach a catalog's object stores; the official client finds whatever is omitted in its own ways. */
const catalogStorage = z.strictObject({
  s3: z
    .strictObject({
      /** Of a compatible store. */
      endpoint: z.url().optional(),
      region: text.optional(),
      path_style: z.boolean().optional(),
      access_key_id: text.optional(),
      secret_access_key: text.optional(),
      session_token: text.optional(),
    })
    .refine(
      (s3) => (s3.access_key_id === undefined) === (s3.secret_access_key === undefined),
      'access_key_id and secret_access_key together',
    )
    .optional(),
  azure: z
    .strictObject({ endpoint: z.url().optional(), account_key: text.optional(), sas_token: text.optional() })
    .optional(),
  gcs: z.strictObject({ endpoint: z.url().optional(), key_file: text.optional() }).optional(),
});

/** Settings of all catalogs whose tables are files. */
const fileTables = {
  /** Whether tables may refer to files outside their own folder (shallow clones, converted tables). */
  allow_outside_paths: z.boolean().default(false),
  /** Zone of timestamp partition values that name none. */
  partition_time_zone: z.string().min(1).default('UTC'),
  storage: catalogStorage.prefault({}),
};

const pathCatalog = z.strictObject({
  kind: z.literal('path'),
  /** Folder of the lake, or its URL: `<root>/<schema>/<table>`. Folders are relative to the settings file. */
  root: text,
  ...fileTables,
});

const unityCatalog = z.strictObject({
  kind: z.literal('unity'),
  uri: z.url({ protocol: /^https?$/ }),
  token: text.optional(),
  /** Name of the catalog on the server; default: its name in the settings. */
  catalog: catalogName.optional(),
  ...fileTables,
});

const listedName = z.string().refine(isListedName, 'schema.table, each without . / spaces and quotes');

/** Columns that identify a row. */
const declaredKey = z.array(text).min(1).optional();

const pathBelow = text.refine((path) => !path.split('/').includes('..'), 'a path below the root, without ..');

const columnTypes = z.record(
  text,
  text.refine((type) => parseLakehouseType(type) !== null, 'a type such as bigint, decimal(10,2) or array<string>'),
);

/** The formats that names of files show. */
const FORMATS = /\.(parquet|csv|tsv|json|jsonl|ndjson)(\.(gz|zst))?$/i;

const filesOfTable = z
  .strictObject({
    /** Below the root: a file, a folder, or a pattern with *, ? and **. */
    path: pathBelow,
    /** Default: what the path shows. */
    format: z.enum(['parquet', 'csv', 'json']).optional(),
    /** Exactly these columns, with the lakehouse's types; default: all that the files have, in types that fit all values. */
    columns: columnTypes.optional(),
    /** How CSV files are written; what is left out is found out. */
    csv: z
      .strictObject({
        header: z.boolean().optional(),
        delimiter: text.optional(),
        quote: z.string().max(1).optional(),
        escape: z.string().max(1).optional(),
        null: z.string().optional(),
      })
      .prefault({}),
    primary_key: declaredKey,
    comment: z.string().optional(),
  })
  .refine(({ path, format }) => format !== undefined || FORMATS.test(path), {
    path: ['format'],
    error: 'parquet, csv or json, since the path does not show it',
  });

const filesCatalog = z.strictObject({
  kind: z.literal('files'),
  /** Folder below which the files are, or its URL. Folders are relative to the settings file. */
  root: text,
  /** By `schema.table`: a path, or more about it. */
  tables: z.record(listedName, z.union([text.transform((path) => ({ path })).pipe(filesOfTable), filesOfTable])),
  ...fileTables,
});

const icebergCatalog = z.strictObject({
  kind: z.literal('iceberg'),
  /** Address of an Iceberg REST catalog: what comes before `/v1`. */
  uri: z.url({ protocol: /^https?$/ }),
  /** Which of its catalogs, if it has several. */
  warehouse: text.optional(),
  token: text.optional(),
  /** Client credentials that a token is issued for. */
  oauth: z
    .strictObject({
      client_id: text,
      client_secret: text,
      /** Default: `v1/oauth/tokens` of the catalog. */
      token_uri: z.url({ protocol: /^https?$/ }).optional(),
      scope: text.optional(),
    })
    .optional(),
  allow_outside_paths: fileTables.allow_outside_paths,
  storage: fileTables.storage,
});

const sharingCatalog = z
  .strictObject({
    kind: z.literal('delta_sharing'),
    /** The file that the provider of the data gave; relative to the settings file. Or what would be in it: */
    profile: text.optional(),
    endpoint: z.url({ protocol: /^https?$/ }).optional(),
    token: text.optional(),
    /** Which share; default: the name of the catalog in the settings. */
    share: z
      .string()
      .regex(/^[^\s/\p{Cc}]{1,255}$/u, 'up to 255 characters but / and spaces')
      .optional(),
    ...fileTables,
  })
  .refine(
    ({ profile, endpoint, token }) =>
      [endpoint, token].every((given) => (given === undefined) === (profile !== undefined)),
    'either profile, or endpoint and token',
  );

const viewCatalog = z.strictObject({
  kind: z.literal('views'),
  /** Queries over tables of any catalog, by `schema.view`, in the lakehouse's SQL. */
  views: z.record(
    listedName,
    z.union([
      text,
      z.strictObject({
        sql: text,
        primary_key: declaredKey,
        comment: z.string().optional(),
      }),
    ]),
  ),
});

const postgresCatalog = z
  .strictObject({
    kind: z.literal('postgres'),
    /** The database whose tables and views are sources; its login needs no more than SELECT. */
    url: postgresUrl,
    ...passwordSource,
  })
  .refine(hasOnePassword, ONE_PASSWORD);

const trinoCatalog = z
  .strictObject({
    kind: z.literal('trino'),
    uri: z.url({ protocol: /^https?$/ }),
    user: text,
    password: text.optional(),
    /** A bearer token, instead of a password. */
    token: text.optional(),
    /** Name of the catalog in Trino; default: its name in the settings. */
    catalog: catalogName.optional(),
    /** Session properties of its queries. */
    session: z.record(z.string().regex(/^[\w.]+$/, 'names such as query_max_run_time'), z.string()).optional(),
  })
  .refine(({ uri, password, token }) => (password === undefined && token === undefined) || uri.startsWith('https:'), {
    path: ['uri'],
    error: 'an https address, since a password or a token is sent to it',
  });

const databricksCatalog = z
  .strictObject({
    kind: z.literal('databricks'),
    /** Address of the workspace. */
    uri: z.url({ protocol: /^https?$/ }),
    /** Of the SQL warehouse that reads. */
    warehouse_id: text,
    token: text.optional(),
    /** A service principal, for which tokens are issued. */
    oauth: z.strictObject({ client_id: text, client_secret: text }).optional(),
    /** Name of the catalog there; default: its name in the settings. */
    catalog: catalogName.optional(),
  })
  .refine(({ token, oauth }) => (token === undefined) !== (oauth === undefined), {
    path: ['token'],
    error: 'either token or oauth',
  });

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

function isListedName(name: string): boolean {
  const parts = name.split('.');
  return parts.length === 2 && parts.every(isSourceNamePart);
}

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
  catalogs: z
    .record(
      catalogName,
      z.discriminatedUnion('kind', [
        pathCatalog,
        unityCatalog,
        filesCatalog,
        icebergCatalog,
        sharingCatalog,
        viewCatalog,
        postgresCatalog,
        trinoCatalog,
        databricksCatalog,
      ]),
    )
    .default({}),
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
