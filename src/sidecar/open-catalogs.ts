import type { Field } from '../core/data-type.js';
import { parseLakehouseType } from '../core/lakehouse-type.js';
import { withPasswordSource } from '../core/postgres-url.js';
import { type Catalog, CatalogSet } from '../lake/catalog/catalog.js';
import { filesCatalog, type ListedFiles } from '../lake/catalog/files-catalog.js';
import { pathCatalog } from '../lake/catalog/path-catalog.js';
import { postgresCatalog } from '../lake/catalog/postgres-catalog.js';
import { restCatalog } from '../lake/catalog/rest-catalog.js';
import { sharingCatalog } from '../lake/catalog/sharing-catalog.js';
import { sqlCatalog, trinoServer, warehouseServer } from '../lake/catalog/sql-catalog.js';
import { unityCatalog } from '../lake/catalog/unity-catalog.js';
import { type ViewDefinition, viewCatalog } from '../lake/catalog/view-catalog.js';
import type { Engine } from '../lake/engine/duckdb-engine.js';
import type { FileStoreSettings } from '../lake/storage/file-stores.js';
import type { StoreRetry } from '../lake/storage/object-store.js';
import type { Settings } from '../settings/settings-schema.js';

type CatalogSettings = Settings['catalogs'][string];
type FileCatalogSettings = Extract<CatalogSettings, { storage: unknown }>;

const BYTES_PER_MB = 1024 * 1024;

/**
 * The configured catalogs, all reading with one engine.
 * @param onRetry called before a request to a store or a catalog server is retried
 */
export function openCatalogs(settings: Settings, engine: Engine, onRetry?: (retry: StoreRetry) => void): CatalogSet {
  const { spool_mb, parallel_fetches, timeout_seconds, attempts } = settings.storage;
  const patience = { attemptsMax: attempts, timeoutMs: timeout_seconds * 1000 };
  const spool = { bytesMax: spool_mb * BYTES_PER_MB, fetchesMax: parallel_fetches };
  const retries = onRetry === undefined ? {} : { onRetry };
  const openTable = (fullName: string) => set.open(fullName);
  const open = (name: string, catalog: CatalogSettings): Catalog => {
    if (catalog.kind === 'views') {
      const views = new Map(Object.entries(catalog.views).map(([view, text]) => [view, viewDefinition(text)]));
      return viewCatalog({ catalog: name, views, engine, openTable });
    }
    if (catalog.kind === 'postgres') {
      const server = { url: withPasswordSource(catalog.url, catalog), catalog: name };
      return postgresCatalog({ server, engine, spoolBytesMax: spool.bytesMax });
    }
    const client = { catalog: name, ...patience, ...retries };
    if (catalog.kind === 'trino') {
      const server = trinoServer({ ...catalog, ...client }, catalog.catalog ?? name);
      return sqlCatalog({ server, engine, spoolBytesMax: spool.bytesMax });
    }
    if (catalog.kind === 'databricks') {
      const { uri, token, oauth, warehouse_id: warehouseId } = catalog;
      const signIn = { token, oauth: oauth && { clientId: oauth.client_id, clientSecret: oauth.client_secret } };
      const server = warehouseServer({ ...client, ...signIn, uri, warehouseId }, catalog.catalog ?? name);
      return sqlCatalog({ server, engine, spoolBytesMax: spool.bytesMax });
    }
    const shared = {
      allowOutsidePaths: catalog.allow_outside_paths,
      storage: { ...storeSettings(catalog.storage), patience, ...retries },
      spool,
      engine,
      openTable,
    };
    if (catalog.kind === 'iceberg') {
      const { uri, warehouse, token, oauth } = catalog;
      return restCatalog({
        ...shared,
        client: { ...client, uri, warehouse, token, oauth: oauth && clientCredentials(oauth) },
      });
    }
    const base = { ...shared, partitionTimeZone: catalog.partition_time_zone };
    if (catalog.kind === 'files') {
      const tables = new Map(Object.entries(catalog.tables).map(([table, files]) => [table, listedFiles(files)]));
      return filesCatalog({ ...base, catalog: name, root: catalog.root, tables });
    }
    if (catalog.kind === 'delta_sharing') {
      const { share = name } = catalog;
      return sharingCatalog({ ...base, client: { ...client, share, credentials: sharingCredentials(catalog) } });
    }
    if (catalog.kind === 'path') return pathCatalog({ ...base, root: catalog.root });
    const { uri, token } = catalog;
    return unityCatalog({
      ...base,
      client: { ...client, uri, token },
      remoteName: catalog.catalog,
    });
  };
  const catalogs = Object.entries(settings.catalogs).map(([name, catalog]): [string, Catalog] => [
    name,
    open(name, catalog),
  ]);
  const set = new CatalogSet(new Map(catalogs));
  return set;
}

type SharingSettings = Extract<CatalogSettings, { kind: 'delta_sharing' }>;

function sharingCredentials({ profile, endpoint = '', token = '' }: SharingSettings) {
  return profile === undefined ? { endpoint, token } : { profile };
}

type OauthSettings = NonNullable<Extract<CatalogSettings, { kind: 'iceberg' }>['oauth']>;

function clientCredentials(oauth: OauthSettings) {
  const { client_id: clientId, client_secret: clientSecret, token_uri: tokenUri, scope } = oauth;
  return { clientId, clientSecret, tokenUri, scope };
}

type ViewSettings = Extract<CatalogSettings, { kind: 'views' }>['views'][string];

function viewDefinition(text: ViewSettings): ViewDefinition {
  if (typeof text === 'string') return { sql: text };
  return { sql: text.sql, primaryKey: text.primary_key, comment: text.comment };
}

type FilesSettings = Extract<CatalogSettings, { kind: 'files' }>['tables'][string];

function listedFiles({ path, format, columns, csv, primary_key: primaryKey, comment }: FilesSettings): ListedFiles {
  const fields = Object.entries(columns ?? {}).map(([name, text]): Field => {
    const type = parseLakehouseType(text);
    if (type === null) throw new Error(`the settings were read with an unknown type: ${text}`);
    return { name, type, nullable: true, physicalName: name };
  });
  return {
    path,
    format: format ?? formatOfName(path),
    columns: columns === undefined ? null : fields,
    // A tab is what the name promises.
    csv: /\.tsv(\.\w+)?$/i.test(path) ? { delimiter: '\t', ...csv } : csv,
    primaryKey: primaryKey ?? null,
    comment: comment ?? null,
  };
}

function formatOfName(path: string): ListedFiles['format'] {
  if (/\.parquet$/i.test(path)) return 'parquet';
  return /\.[ct]sv(\.\w+)?$/i.test(path) ? 'csv' : 'json';
}

function storeSettings({ s3, azure, gcs }: FileCatalogSettings['storage']): Omit<FileStoreSettings, 'patience'> {
  return {
    s3: s3 && {
      endpoint: s3.endpoint,
      region: s3.region,
      pathStyle: s3.path_style,
      accessKeyId: s3.access_key_id,
      secretAccessKey: s3.secret_access_key,
      sessionToken: s3.session_token,
    },
    azure: azure && { endpoint: azure.endpoint, accountKey: azure.account_key, sasToken: azure.sas_token },
    gcs: gcs && { endpoint: gcs.endpoint, keyFile: gcs.key_file },
  };
}
