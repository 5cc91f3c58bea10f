import { BaseSequencer, type TestSpecification } from 'vitest/node';

/**
 * Files that take 15 seconds and more on two cores, the longest first; a file that grows like that belongs here. A cache
 * of durations would know, but a fresh clone has none.
 */
const LONGEST = [
  'console/create.test.ts',
  'console/snippets.test.ts',
  'console/snippets-table.test.ts',
  'console/snippets-changes.test.ts',
  'console/support-portal.test.ts',
  'console/admin-screens.test.ts',
  'console/catalog.test.ts',
  'console/changes.test.ts',
  'console/following.test.ts',
  'console/hostile.test.ts',
  'console/table-tabs.test.ts',
  'console/table-history.test.ts',
  'console/overview.test.ts',
  'console/places.test.ts',
  'console/sidecars.test.ts',
  'console/acts.test.ts',
  'property/synced-histories.test.ts',
  'integration/cli-requests.test.ts',
  'integration/documents-run.test.ts',
  'integration/engine-stops.test.ts',
  'integration/publish-together.test.ts',
  'fault/sidecars.test.ts',
  'integration/guard-code-attacks.test.ts',
  'conformance/delta-cells.test.ts',
  'integration/guard-matrix.test.ts',
  'integration/uninstall.test.ts',
  'integration/sidecar-catalogs.test.ts',
  'integration/continuous-updates.test.ts',
  'fault/continuous-sidecars.test.ts',
  'conformance/delta-changes.test.ts',
  'integration/guard-repair.test.ts',
  'conformance/auto-cdc-flows.test.ts',
  'fault/sidecar-kill.test.ts',
  'fault/changes-kill.test.ts',
  'integration/upgrade-from-first.test.ts',
  'property/copy-round-trip.test.ts',
  'property/chosen-rows.test.ts',
  'conformance/filtered-tables.test.ts',
  'property/skipped-files.test.ts',
  'property/served-histories.test.ts',
  'integration/chosen-rows.test.ts',
  'fault/postgres-restart.test.ts',
  'integration/pooled-connections.test.ts',
  'integration/changing-passwords.test.ts',
  'integration/delete-and-create-again.test.ts',
  'integration/snapshot-deletion.test.ts',
  'integration/shared-table-sync.test.ts',
  'integration/support-portal-example.test.ts',
  'integration/support-portal-server.test.ts',
  'integration/cli-read.test.ts',
  'integration/publication-of-all-tables.test.ts',
  'integration/unfinished-commits.test.ts',
  'integration/auto-cdc-vectors.test.ts',
  'integration/verify.test.ts',
  'integration/oversized-rows.test.ts',
  'integration/messages-without-values.test.ts',
  'integration/snapshot-readers.test.ts',
  'integration/guard-managers.test.ts',
  'integration/cli-usage.test.ts',
  'integration/auto-cdc-example.test.ts',
  'integration/continuous-flows.test.ts',
  'integration/auto-cdc-shuffles.test.ts',
  'integration/guard-extension.test.ts',
  'fault/changes-takeover.test.ts',
  'integration/guard-replication.test.ts',
  'integration/cli-preview.test.ts',
  'integration/cli-serve.test.ts',
  'integration/object-store-sync.test.ts',
  'property/delta-changes.test.ts',
  'fault/memory.test.ts',
  'fault/small-disks.test.ts',
  'fault/network.test.ts',
  'integration/session-watch.test.ts',
];

/** Begins with the files that take longest: one of them, begun last, would run alone at the end. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const placeOf = ({ moduleId }: TestSpecification): number => {
      const place = LONGEST.findIndex((name) => moduleId.endsWith(`/test/${name}`));
      return place === -1 ? LONGEST.length : place;
    };
    return (await super.sort(files)).sort((a, b) => placeOf(a) - placeOf(b));
  }
}
