import { z } from 'zod';
import type { TableName } from '../../core/names.js';
import type { ApiInstance } from '../places/api-instance.js';
import { maybe } from '../wire/wire-fields.js';
import { syncedTableSpecInput } from './synced-table-schema.js';

/** Every argument of `create_synced_table` about the table itself: what the `database` service knows, and the rest. */
export const createSpecInput = syncedTableSpecInput.extend({
  invalid_characters: maybe(z.enum(['fail', 'strip'])),
  allow_file_diff: maybe(z.boolean()),
  on_history_gap: maybe(z.enum(['fail', 'refresh'])),
  publish: maybe(z.enum(['separately', 'together'])),
});

type CreateSpec = Partial<z.output<typeof createSpecInput>>;

export interface CreateRequest {
  readonly name: TableName;
  /** Instance and Postgres database, if the request names them. */
  readonly instance: ApiInstance | undefined;
  readonly database: string | undefined;
  readonly spec: CreateSpec;
  /** Whether to create a missing schema if the request is silent. A missing database is created only on request. */
  readonly createsSchemaByDefault: boolean;
  /** Whether a catalog that is not registered may be the name of a database; the table then has no standard catalog. */
  readonly catalogMayBeDatabase?: boolean;
  /** When its pipeline is to run. */
  readonly schedule?: { readonly cron: string; readonly timeZone: string };
}
