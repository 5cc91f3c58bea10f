import { setTimeout as sleep } from 'node:timers/promises';
import { syncedTablesError } from '../../core/errors.js';
import { releaseName, reserveName } from '../../postgres/registry/api/reserved-names.js';
import type { ApiContext } from '../places/api-context.js';
import type { ApiInstance } from '../places/api-instance.js';

export interface NameRequest {
  /** What is to be taken: `table a.b.c`, `catalog a`. */
  readonly name: string;
  readonly instance: string;
  readonly database: string;
}

const PAUSE_MS = 100;
const WAIT_MS_MAX = 10_000;

/**
 * Runs `take`, which looks whether a name is free and takes it, while nobody does the same in another database: they
 * cannot see each other there. Those who take it in the same database are that database's business.
 * @throws NAME_BEING_TAKEN when somebody else is still at it after ten seconds
 */
export async function withReservedName<Result>(
  context: ApiContext,
  request: NameRequest,
  take: () => Promise<Result>,
): Promise<Result> {
  const { home } = firstInstance(context);
  const place = `${request.instance}/${request.database}`;
  const reserve = () => home.asService((client) => reserveName(client, request.name, place));
  const deadline = performance.now() + WAIT_MS_MAX;
  let reservation = await reserve();
  while (reservation === null) {
    if (performance.now() > deadline) throw syncedTablesError('NAME_BEING_TAKEN', { name: request.name });
    await sleep(PAUSE_MS);
    reservation = await reserve();
  }
  const reserved = reservation;
  try {
    return await take();
  } finally {
    await home.asService((client) => releaseName(client, reserved));
  }
}

/** The same one for all sidecars that have the same instances, in whatever order. */
function firstInstance(context: ApiContext): ApiInstance {
  const [first] = context.instances.all().toSorted((a, b) => (a.name < b.name ? -1 : 1));
  if (!first) throw new Error('a name is to be taken, but there is no instance');
  return first;
}
