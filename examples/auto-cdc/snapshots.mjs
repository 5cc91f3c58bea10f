// Snapshots with versions, one file each, become a history: only TrackingCol makes a new state.
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { applyChangesFromSnapshot, createStreamingTable, runPipeline } from 'synced-tables';

const fileOf = (version) => fileURLToPath(new URL(`./snapshots/${version}.csv`, import.meta.url));

const run = await runPipeline({
  name: 'snapshots',
  config: fileURLToPath(new URL('./synced-tables.yaml', import.meta.url)),
  declarations: [
    createStreamingTable({ name: 'snapshot_history' }),
    applyChangesFromSnapshot({
      target: 'snapshot_history',
      // Called with the last version that was applied (null at first) until there is no further file.
      source: (latestVersion) => {
        const version = (latestVersion ?? 0) + 1;
        return existsSync(fileOf(version)) ? { files: fileOf(version), version } : null;
      },
      keys: ['Key'],
      storedAsScdType: 2,
      trackHistoryColumnList: ['TrackingCol'],
    }),
  ],
});
console.log(`${run.tables.map(({ table, state }) => `${table}: ${state}`).join('\n')}`);
