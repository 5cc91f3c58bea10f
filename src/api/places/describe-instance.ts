import { SyncedTablesError } from '../../core/errors.js';
import { isoTime } from '../wire/iso-time.js';
import type { ApiInstance } from './api-instance.js';

/** What a server reports about itself. */
export interface InstanceDescription {
  /** UUID that lasts as long as the home database. */
  readonly uid: string;
  readonly creator: string;
  readonly createdAt: string;
  /** Major version of Postgres. */
  readonly major: number;
}

/** Describes a server; null if it cannot be reached. */
export async function describeInstance(instance: ApiInstance): Promise<InstanceDescription | null> {
  try {
    const { rows } = await instance.home.asService((client) =>
      client.query<InstanceDescription>(
        `select s.instance_uid as uid, ${isoTime('s.created_at')} as "createdAt",
                pg_catalog.pg_get_userbyid(d.datdba) as creator,
                pg_catalog.current_setting('server_version_num')::int / 10000 as major
           from synced_tables._service s, pg_catalog.pg_database d where d.datname = pg_catalog.current_database()`,
      ),
    );
    return rows[0] ?? null;
  } catch (error) {
    if (error instanceof SyncedTablesError && error.code === 'POSTGRES_UNREACHABLE') return null;
    throw error;
  }
}
