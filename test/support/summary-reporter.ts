import type { Reporter, TestModule } from 'vitest/node';

/** Ends the run with the line `N passed, N failed, N skipped`, alone and last, for people and scripts to read. */
// biome-ignore lint/style/noDefaultExport: vitest loads a reporter file by its default export
export default class SummaryReporter implements Reporter {
  #counts = { passed: 0, failed: 0, skipped: 0 };

  onInit(): void {
    // On exit, so that neither the other reporters nor the end of the servers write after it.
    process.once('exit', (exitCode) => {
      const { passed, failed, skipped } = this.#counts;
      // Servers that do not start, for example, fail a run without a failed test.
      const failures = exitCode === 0 ? failed : Math.max(failed, 1);
      process.stdout.write(`\n${passed} passed, ${failures} failed, ${skipped} skipped\n`);
    });
  }

  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    const counts = { passed: 0, failed: unhandledErrors.length, skipped: 0 };
    for (const module of modules) {
      let hasFailedTest = false;
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        // A test that a failed hook or an interrupted run kept from running has not passed.
        counts[state === 'pending' ? 'failed' : state] += 1;
        hasFailedTest ||= state === 'failed';
      }
      // A file or a hook that fails without a failed test would go unnoticed otherwise.
      if (module.state() === 'failed' && !hasFailedTest) counts.failed += 1;
    }
    this.#counts = counts;
  }
}
