import type pg from 'pg';
import type { ManagedDatabase } from '../../sidecar/managed-databases.js';
import { SIDECAR_APPLICATION } from '../../sidecar/sidecar-session.js';
import type { Progress } from '../output/progress.js';

const INTERVAL_MS = 3_000;

export interface SidecarNoticeOptions {
  readonly client: pg.Client;
  readonly database: ManagedDatabase;
  readonly progress: Pick<Progress, 'tell'>;
  /** Monotonic clock in milliseconds. */
  readonly now?: () => number;
}

/** Informs a waiting user that no sidecar is there to do the work: at first, and again when a sidecar has gone. */
export class SidecarNotice {
  readonly #options: SidecarNoticeOptions;
  #lookedAt = Number.NEGATIVE_INFINITY;
  /** Null before the first check. */
  #wasThere: boolean | null = null;

  constructor(options: SidecarNoticeOptions) {
    this.#options = options;
  }

  /** Checks, unless that was done a moment ago. */
  async look(): Promise<void> {
    const now = (this.#options.now ?? (() => performance.now()))();
    if (now - this.#lookedAt < INTERVAL_MS) return;
    this.#lookedAt = now;
    const wasThere = this.#wasThere;
    this.#wasThere = await isSidecarConnected(this.#options.client);
    if (this.#wasThere || wasThere === false) return;
    const { name } = this.#options.database;
    this.#options.progress.tell(
      wasThere === null
        ? `No sidecar is connected to ${name}; the request waits in the queue. Start one with synced-tables serve.`
        : `The sidecar of ${name} is gone; the request waits for another one. Start one with synced-tables serve.`,
    );
  }
}

async function isSidecarConnected(client: pg.Client): Promise<boolean> {
  const { rows } = await client.query<{ is_connected: boolean }>(
    `select exists (select from pg_stat_activity
                     where datname = current_database() and application_name like $1 || '%') as is_connected`,
    [SIDECAR_APPLICATION],
  );
  return rows[0]?.is_connected === true;
}
