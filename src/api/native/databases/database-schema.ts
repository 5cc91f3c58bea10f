import { z } from 'zod';
import { exactNumber } from '../../wire/wire-fields.js';

const problem = z.object({ error_code: z.string(), message: z.string(), remedy: z.string() });

const database = z.object({
  name: z.string(),
  is_home: z.boolean().describe('Keeps what concerns the whole instance, such as tokens'),
  catalogs: z.array(z.string()).describe('The database catalogs that stand for it'),
  problem: problem.nullable().describe('Why it could not be asked; null if it answers'),
  sql_side: z
    .object({
      release: z.string(),
      migration: z.int().describe('Number of the newest numbered file that it has run'),
      pending: z.int().describe('Numbered files of this release that it has not run'),
      extension_version: z.string().nullable(),
    })
    .nullable(),
  sidecars: z.array(
    z.object({
      is_this: z.boolean(),
      serves_all: z.boolean().describe('False for a program that runs a pipeline of its own only'),
      leases: z.int().describe('Pipelines that it works on'),
      trouble: z.string().nullable(),
    }),
  ),
  queue: z.object({ waiting: z.int(), running: z.int(), oldest_wait_seconds: z.number().nullable() }).nullable(),
  synced_tables: z.int().nullable(),
  streaming_tables: z.int().nullable(),
  size_bytes: exactNumber.nullable(),
});

const instance = z.object({
  name: z.string(),
  host: z.string(),
  port: z.int(),
  state: z.enum(['AVAILABLE', 'STOPPED']),
  pg_version: z.string().nullable(),
  uid: z.string().nullable(),
  creator: z.string().nullable(),
  created_at: z.string().nullable(),
  problem: problem.nullable(),
  databases: z.array(database),
});

export const databasesReply = z.object({
  instances: z.array(instance),
  known_migration: z.int().describe('Number of the newest numbered file of this release'),
});

export type DatabasesReply = z.output<typeof databasesReply>;
