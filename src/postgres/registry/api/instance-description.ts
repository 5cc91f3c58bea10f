import type pg from 'pg';
import { isoTime } from './iso-time.js';

/** What a server reports about itself. */
export interface InstanceDescription {
  /** UUID that lasts as long as the home database. */
  readonly uid: string;
  readonly creator: string;
  readonly createdAt: string;
  /** Major version of Postgres. */
  readonly major: number;
  /** The whole version, such as 18.1. */
  readonly version: string;
}

/** Read in the home database of the instance; null if that has not been made ready. */
export async function readInstanceDescription(client: pg.ClientBase): Promise<InstanceDescription | null> {
  const { rows } = await client.query<InstanceDescription>(
    `select s.instance_uid as uid, ${isoTime('s.created_at')} as "createdAt",
                pg_catalog.pg_get_userbyid(d.datdba) as creator,
                pg_catalog.current_setting('server_version_num')::int / 10000 as major,
                split_part(pg_catalog.current_setting('server_version'), ' ', 1) as version
           from synced_tables._service s, pg_catalog.pg_database d where d.datname = pg_catalog.current_database()`,
  );
  return rows[0] ?? null;
}
