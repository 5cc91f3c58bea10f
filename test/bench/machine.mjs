// @ts-check
// The machine that figures belong to, as benchmarks name it.
import { arch, cpus, release, totalmem } from 'node:os';

export const MACHINE = `${cpus().length} × ${cpus()[0]?.model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GiB, Linux ${release()} ${arch()}, Node ${process.versions.node}`;
