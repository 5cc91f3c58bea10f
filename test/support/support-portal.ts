import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import type pg from 'pg';

// What tests use of examples/support-portal, with the types that its plain JavaScript does not state.

export const portalFolder = path.resolve(import.meta.dirname, '../../examples/support-portal');

/** The source table, and the only writer of it. */
export interface IncidentTable {
  readonly version: number;
  commit(...statements: string[]): Promise<void>;
  query(sql: string): Promise<Record<string, unknown>[]>;
  close(): void;
}

interface TableOptions {
  readonly count?: number;
  readonly keepVersions?: number;
  readonly checkpointEvery?: number;
}

interface Incidents {
  openIncidents(lake: string, options?: TableOptions): Promise<IncidentTable>;
  rescoring(incidentId: string, risk: number): string;
  removal(incidentId: string): string;
  randomFrom(seed: number): () => number;
}

interface Simulation {
  nextChanges(table: IncidentTable, random: () => number): Promise<string[]>;
}

export interface Portal {
  readonly url: string;
  stop(): Promise<void>;
}

interface PortalServer {
  startPortal(options: { databaseUrl: string; port: number }): Promise<Portal>;
}

const load = (name: string): Promise<unknown> => import(path.join(portalFolder, name));

export const incidents = (await load('incidents.mjs')) as Incidents;
export const { nextChanges } = (await load('simulate.mjs')) as Simulation;
export const { startPortal } = (await load('server.mjs')) as PortalServer;

/**
 * Applies schema.sql in a database that has support.incidents.
 * @returns connection string of role support_portal
 */
export async function installPortal(admin: pg.Client, url: string): Promise<string> {
  await admin.query(readFileSync(path.join(portalFolder, 'schema.sql'), 'utf8'));
  const password = randomBytes(12).toString('hex');
  await admin.query(`alter role support_portal password '${password}'`);
  return Object.assign(new URL(url), { username: 'support_portal', password }).href;
}

/** The statement of README.md, start.mjs included, that makes the synced table. */
export function createStatement(): string {
  const [, statement = ''] =
    /```sql\n(SELECT [^;]+);/.exec(readFileSync(path.join(portalFolder, 'README.md'), 'utf8')) ?? [];
  return statement;
}
