import type { SyncedTable } from '../../core/synced-table.js';
import type { CatalogSet } from '../../lake/catalog/catalog.js';
import { chosenSource } from './chosen-source.js';
import { planTarget } from './plan-target.js';
import { requireGivenChanges, requireHistory, requireRecordedChanges } from './source-history.js';

/** The part of a requested synced table that depends on its source. */
export type SourceRequest = Pick<SyncedTable, 'source' | 'keyColumns' | 'timeseriesKey' | 'policy'> &
  Partial<
    Pick<SyncedTable, 'fullName' | 'allowFileDiff' | 'chosenColumns' | 'rowFilter' | 'typeOverrides' | 'extraColumns'>
  >;

/**
 * Refuses at once what the first update would refuse because of the source. Reads only the table's metadata.
 * @throws errors of opening the table and of `planTarget`; ROW_FILTER_INVALID, SOURCE_WITHOUT_HISTORY, SHARE_WITHOUT_HISTORY,
 *   CHANGE_DATA_FEED_OFF, CHANGES_NOT_RECORDED
 */
export async function checkSource(catalogs: CatalogSet, request: SourceRequest): Promise<void> {
  const lakeTable = chosenSource(await catalogs.open(request.source), request);
  const found = await lakeTable.describe();
  planTarget(found, request);
  if (request.policy === 'SNAPSHOT') return;
  await requireGivenChanges(requireHistory(lakeTable, request.source));
  if (request.allowFileDiff !== true) requireRecordedChanges(found, request.source);
}
