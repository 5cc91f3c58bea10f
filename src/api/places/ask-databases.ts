import { z } from 'zod';
import { errorCatalogue } from '../../core/error-catalogue.js';
import { asSyncedTablesError, syncedTablesError } from '../../core/errors.js';
import { isPostgresError } from '../../postgres/session/session.js';
import type { ApiContext } from './api-context.js';
import type { Caller } from './caller.js';
import type { DatabasePlace } from './database-place.js';

/** A database that did not answer, in a reply that has what the others answered. */
export const unreachableDatabase = z.object({
  instance: z.string(),
  database: z.string(),
  error_code: z.string(),
  message: z.string(),
});

export interface EachDatabase<Answer> {
  readonly answers: readonly { readonly place: DatabasePlace; readonly answer: Answer }[];
  readonly unreachable: readonly UnreachableDatabase[];
}

type UnreachableDatabase = z.output<typeof unreachableDatabase>;

/** The databases of servers that did not answer when they were asked for the caller's role. */
export function unknownDatabases(
  context: ApiContext,
  { unreachable }: Caller,
  only: { readonly instance?: string | undefined; readonly database?: string | undefined },
): UnreachableDatabase[] {
  return context.instances.all().flatMap((instance) => {
    const error = unreachable?.get(instance.name);
    if (error === undefined || (only.instance && only.instance !== instance.name)) return [];
    return instance
      .databases()
      .filter(({ name }) => !only.database || only.database === name)
      .map(({ name }) => ({ instance: instance.name, database: name, error_code: error.code, message: error.message }));
  });
}

/**
 * Asks several databases at once. One that is down does not hide what the others say.
 * @throws what the first of them said if none answers, and every error that says nothing of a database being down
 */
export async function askEachDatabase<Answer>(
  places: readonly DatabasePlace[],
  ask: (place: DatabasePlace) => Promise<Answer>,
): Promise<EachDatabase<Answer>> {
  const answers: { place: DatabasePlace; answer: Answer }[] = [];
  const unreachable: UnreachableDatabase[] = [];
  const failures: unknown[] = [];
  const results = await Promise.allSettled(places.map(ask));
  for (const [nth, place] of places.entries()) {
    const result = results[nth];
    if (result?.status === 'fulfilled') answers.push({ place, answer: result.value });
    if (result?.status !== 'rejected') continue;
    const known = asUnreachable(result.reason);
    if (known === null) throw result.reason;
    failures.push(result.reason);
    const { code, message } = known;
    unreachable.push({ instance: place.instance.name, database: place.database.name, error_code: code, message });
  }
  if (answers.length === 0 && failures.length > 0) throw failures[0];
  return { answers, unreachable };
}

/**
 * Asks databases, all at once, for something that one of them has. One that is down does not hide what another has.
 * @param isCertain false for an answer that counts only if no other database has a better one
 * @returns the answer of the first that has one; null if none has
 * @throws what a database that is down said, if no other has an answer: that one might
 */
export async function firstAnswer<Answer>(
  places: readonly DatabasePlace[],
  ask: (place: DatabasePlace) => Promise<Answer | null>,
  isCertain: (answer: Answer) => boolean = () => true,
): Promise<Answer | null> {
  const asked = places.map(ask);
  // Nobody waits for those after the answer.
  for (const each of asked) each.catch(() => {});
  let uncertain: Answer | null = null;
  let failure: { readonly error: unknown } | null = null;
  for (const each of asked) {
    try {
      const answer = await each;
      if (answer !== null && isCertain(answer)) return answer;
      uncertain ??= answer;
    } catch (error) {
      if (!isUnreachable(error)) throw error;
      failure ??= { error };
    }
  }
  if (uncertain === null && failure !== null) throw failure.error;
  return uncertain;
}

/** Whether an error says that a database cannot serve anybody now. */
export function isUnreachable(error: unknown): boolean {
  return asUnreachable(error) !== null;
}

/** The error of a database that cannot serve anybody now; null for all other errors. */
function asUnreachable(error: unknown) {
  const known = asSyncedTablesError(error);
  if (known !== null) return errorCatalogue[known.code].status === 503 ? known : null;
  if (!isPostgresError(error) || !/^(08|53|57P)/.test(error.code ?? '')) return null;
  return syncedTablesError('DATABASE_UNAVAILABLE', { reason: error.message.replace(/\.$/, '') }, error);
}
