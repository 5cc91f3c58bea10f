import { defineConfig } from 'vitest/config';
import { builtProgram } from './test/support/built-program.js';
import { LongestFirst } from './test/support/longest-first.js';

/** Property tests that need a server. */
const propertiesOfPostgres = [
  'test/property/api-requests.test.ts',
  'test/property/auto-cdc.test.ts',
  'test/property/copy-round-trip.test.ts',
  'test/property/synced-histories.test.ts',
];

/** Pages in a browser take minutes: the whole of them is `npm run test:console`. */
const isWhole = process.env.TEST_CONSOLE === '1' || process.env.TEST_LONG === '1';
const consoleInShort = ['budget', 'first-token', 'overview'].map((name) => `test/console/${name}.test.ts`);

const interop = {
  extends: true as const,
  test: {
    name: 'interop',
    include: ['test/interop/**/*.test.ts'],
    globalSetup: ['test/support/global-setup.ts'],
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
};

// biome-ignore lint/style/noDefaultExport: vitest reads the default export
export default defineConfig({
  test: {
    pool: 'forks',
    // For two cores: half of them wait, for a lease, a pause or a process that starts.
    maxWorkers: 4,
    sequence: { sequencer: LongestFirst },
    teardownTimeout: 60_000,
    reporters: ['default', './test/support/summary-reporter.ts'],
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          // They leave nothing behind; a process for each would take half of their time.
          isolate: false,
          include: ['test/unit/**/*.test.ts', 'test/property/**/*.test.ts'],
          exclude: propertiesOfPostgres,
          testTimeout: 180_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'database',
          // Each test has a database of its own; loading the lake engine and the HTTP server anew for each file would
          // take a tenth of the whole run.
          isolate: false,
          include: ['test/{integration,fault,conformance}/**/*.test.ts', ...propertiesOfPostgres],
          globalSetup: ['test/support/global-setup.ts'],
          testTimeout: 180_000,
          hookTimeout: 180_000,
        },
      },
      {
        extends: true,
        plugins: [builtProgram()],
        test: {
          // In a browser; skipped where there is none: test/support/install-chromium.sh.
          name: 'console',
          server: { deps: { external: [/\/dist\//] } },
          // Loading sidecar, engine and page anew for each file would take a fifth of the whole run.
          isolate: false,
          include: isWhole ? ['test/console/**/*.test.ts'] : consoleInShort,
          globalSetup: ['test/support/global-setup.ts', 'test/support/build-console.ts'],
          // As long as a page waits for what it is asked to find.
          expect: { poll: { timeout: 20_000 } },
          testTimeout: 180_000,
          hookTimeout: 180_000,
        },
      },
      // Needs programs that npm does not bring: npm run test:interop.
      ...(process.env.TEST_INTEROP === '1' ? [interop] : []),
    ],
  },
});
