import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import type pg from 'pg';
import { runnableBlocks, statementsOf } from './runnable-document.js';

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

/** The roles of one portal: they belong to the whole server, so each has names of its own. */
export interface PortalRoles {
  readonly application: string;
  readonly owner: string;
}

export function inventRoles(): PortalRoles {
  const suffix = randomBytes(4).toString('hex');
  return { application: `support_portal_${suffix}`, owner: `portal_owner_${suffix}` };
}

/** schema.sql, but for the names of the roles. */
export function portalSchema({ application, owner }: PortalRoles): string {
  const text = readFileSync(path.join(portalFolder, 'schema.sql'), 'utf8');
  return text.replaceAll('support_portal', application).replaceAll('portal_owner', owner);
}

/**
 * Applies the schema in a database that has support.incidents.
 * @returns connection string of the application's role
 */
export async function installPortal(admin: pg.Client, url: string, roles: PortalRoles): Promise<string> {
  await admin.query(portalSchema(roles));
  const password = randomBytes(12).toString('hex');
  await admin.query(`alter role ${roles.application} password '${password}'`);
  return Object.assign(new URL(url), { username: roles.application, password }).href;
}

/** The statement of README.md, start.mjs included, that makes the synced table. */
export function createStatement(): string {
  const blocks = runnableBlocks('examples/support-portal/README.md');
  const statements = blocks.flatMap(({ language, text }) => (language === 'sql' ? statementsOf(text) : []));
  return statements.find((statement) => statement.includes('create_synced_table')) ?? '';
}
