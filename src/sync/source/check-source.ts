import type { SyncedTable } from '../../core/synced-table.js';
import type { CatalogSet } from '../../lake/catalog/catalog.js';
import { planTarget } from './plan-target.js';
import { requireHistory, requireRecordedChanges } from './source-history.js';

/** The part of a wanted synced table that its source has a say in. */
export type SourceRequest = Pick<SyncedTable, 'source' | 'keyColumns' | 'timeseriesKey' | 'policy'>;

/**
 * Refuses at once what the first update would refuse because of the source. Reads no more than the metadata of the
 * table.
 * @throws what opening the table throws, what `planTarget` throws; SOURCE_WITHOUT_HISTORY, CHANGE_DATA_FEED_OFF
 */
export async function checkSource(catalogs: CatalogSet, request: SourceRequest): Promise<void> {
  const lakeTable = await catalogs.open(request.source);
  const found = await lakeTable.describe();
  planTarget(found, request);
  if (request.policy === 'SNAPSHOT') return;
  requireHistory(lakeTable, request.source);
  requireRecordedChanges(found, request.source);
}
