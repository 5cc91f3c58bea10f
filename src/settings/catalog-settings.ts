import { z } from 'zod';
import { parseLakehouseType } from '../core/lakehouse-type.js';
import { isSourceNamePart } from '../core/source-name.js';
import { hasOnePassword, ONE_PASSWORD, passwordSource, postgresUrl, text } from './settings-parts.js';

export const catalogName = z.string().refine(isSourceNamePart, 'up to 255 characters but . / spaces and quotes');

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

function isListedName(name: string): boolean {
  const parts = name.split('.');
  return parts.length === 2 && parts.every(isSourceNamePart);
}

/** A catalog of source tables: where they are, and how they are asked for. */
export const catalog = z.discriminatedUnion('kind', [
  pathCatalog,
  unityCatalog,
  filesCatalog,
  icebergCatalog,
  sharingCatalog,
  viewCatalog,
  postgresCatalog,
  trinoCatalog,
  databricksCatalog,
]);
