import { setTimeout as sleep } from 'node:timers/promises';
import { syncedTablesError } from '../../core/errors.js';
import { releaseName, reserveName } from '../../postgres/registry/api/reserved-names.js';
import type { ApiContext } from '../places/api-context.js';
import type { ApiInstance } from '../places/api-instance.js';

export interface NameRequest {
  /** What is being taken: `table a.b.c`, `catalog a`. */
  readonly name: string;
  readonly instance: string;
  readonly database: string;
}

const PAUSE_MS = 100;
const WAIT_MS_MAX = 10_000;

/**
 * Runs `take`, which checks that a name is free and takes it, while holding off everyone who takes the same name in
 * another database: the two could not see each other. Conflicts within one database are left to that database.
 * @throws NAME_BEING_TAKEN when the name is still being taken after ten seconds
 */
export async function withReservedName<Result>(
  context: ApiContext,
  request: NameRequest,
  take: () => Promise<Result>,
): Promise<Result> {
  const { home } = firstInstance(context);
  const place = `${request.instance}/${request.database}`;
  // Names that differ in case only are the same.
  const name = request.name.toLowerCase();
  const reserve = () => home.asService((client) => reserveName(client, name, place));
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

/** The same instance for all sidecars with the same set of instances, in whatever order they are listed. */
export function firstInstance(context: ApiContext): ApiInstance {
  const [first] = context.instances.all().toSorted((a, b) => (a.name < b.name ? -1 : 1));
  if (!first) throw new Error('there is no instance');
  return first;
}
