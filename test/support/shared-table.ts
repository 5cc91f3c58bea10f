import { sharingCatalog } from '../../src/lake/catalog/sharing-catalog.js';
import type { Engine } from '../../src/lake/engine/duckdb-engine.js';
import type { LakeTable } from '../../src/lake/lake-table.js';
import type { SharingServer } from './sharing-server.js';

/** Opens a table of a sharing server as a table of the catalog `shop`. */
export function openShared(
  server: SharingServer,
  { engine, schema, table }: { readonly engine: Engine; readonly schema: string; readonly table: string },
): Promise<LakeTable> {
  const patience = { attemptsMax: 1, timeoutMs: 5_000 };
  const credentials = { endpoint: server.endpoint, token: server.token };
  return sharingCatalog({
    client: { catalog: 'shop', share: server.share, credentials, ...patience },
    allowOutsidePaths: false,
    partitionTimeZone: 'UTC',
    storage: { patience },
    spool: { bytesMax: 1e8, fetchesMax: 4 },
    engine,
  }).open({ catalog: 'shop', schema, table });
}
