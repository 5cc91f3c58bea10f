import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Readable } from 'node:stream';
import { ensureBuilt } from './ensure-built.js';

export interface CliResult {
  /** Exit code, or the signal that ended the process. */
  readonly end: number | NodeJS.Signals;
  readonly stdout: string;
  readonly stderr: string;
}

export type CliEnvironment = Readonly<Record<string, string>>;

const PROGRAM = path.resolve(import.meta.dirname, '../../bin/synced-tables.cjs');

/** Starts `synced-tables …` in an empty folder, with `environment` and nothing of ours around it. */
export async function spawnCli(
  args: readonly string[],
  environment: CliEnvironment = {},
): Promise<ChildProcessByStdio<null, Readable, Readable>> {
  await ensureBuilt();
  const folder = mkdtempSync(path.join(tmpdir(), 'test-cli-'));
  const { PATH = '' } = process.env;
  const child = spawn(process.execPath, [PROGRAM, ...args], {
    cwd: folder,
    env: { PATH, HOME: folder, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  child.once('close', () => rmSync(folder, { recursive: true, force: true }));
  return child;
}

/** Runs `synced-tables …` to its end. */
export async function runCli(args: readonly string[], environment: CliEnvironment = {}): Promise<CliResult> {
  const child = await spawnCli(args, environment);
  const [stdout, stderr, end] = await Promise.all([
    textOf(child.stdout),
    textOf(child.stderr),
    new Promise<number | NodeJS.Signals>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code, signal) => resolve(signal ?? code ?? -1));
    }),
  ]);
  return { end, stdout, stderr };
}

/** The JSON that `synced-tables …` prints; fails unless it ends with 0. */
export async function runCliJson(args: readonly string[], environment: CliEnvironment = {}): Promise<unknown> {
  const result = await runCli([...args, '--output', 'json'], environment);
  if (result.end !== 0) throw new Error(`ended with ${result.end}: ${result.stderr}`);
  return JSON.parse(result.stdout);
}

async function textOf(stream: Readable): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}
