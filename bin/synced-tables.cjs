#!/usr/bin/env node
// Loaded as CommonJS so that this runs before anything uses libuv's threads: each load keeps one of them busy, and
// name look-ups and file reads need some too. Four, the default, are too few.
process.env.UV_THREADPOOL_SIZE ??= '32';
import('../dist/main.js').then(({ main }) => main(process.argv));
