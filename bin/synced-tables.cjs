#!/usr/bin/env node
// Loaded as CommonJS so that this runs before anything uses libuv's threads: each load keeps one of them busy, and
// name look-ups and file reads need some too. Four, the default, are too few.
process.env.UV_THREADPOOL_SIZE ??= '32';
// Later there may be no file left to ask with.
const limit = openFilesLimit();
import('../dist/main.js').then(({ main }) => main(process.argv)).catch(explainStart);

/**
 * The program is some hundred files, of which many are open at once while it is loaded. Under a low limit this fails in
 * words that say little, or that a package is missing, and before the list of errors is there: this is OPEN_FILES_LIMIT
 * of it.
 */
function explainStart(error) {
  if (limit >= 256 && !/^E[MN]FILE$/.test(error.code)) throw error;
  const allowed = limit < 256 ? `only ${limit} are allowed` : 'all that are allowed are in use';
  const message = `This process may open no more files and connections: ${allowed}, and starting takes more.`;
  const remedy =
    'Raise its limit to 1024 or more, where it is started: "ulimit -n" in a shell, LimitNOFILE= in a systemd unit, --ulimit nofile= for a container. Nothing is wrong with the file or the server named.';
  process.stderr.write(`OPEN_FILES_LIMIT: ${message} ${remedy}\n`);
  process.exitCode = 1;
}

/** As Linux tells it; Infinity where it is unknown. */
function openFilesLimit() {
  try {
    const limits = require('node:fs').readFileSync('/proc/self/limits', 'utf8');
    return Number(/^Max open files\s+(\d+)/m.exec(limits)?.[1] ?? Infinity);
  } catch {
    return Infinity;
  }
}
