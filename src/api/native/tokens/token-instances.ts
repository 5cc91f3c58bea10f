import { z } from 'zod';
import { errorCatalogue } from '../../../core/error-catalogue.js';
import { asSyncedTablesError, syncedTablesError } from '../../../core/errors.js';
import { readTokens, type TokenRecord } from '../../../postgres/registry/api/tokens.js';
import type { ApiContext } from '../../places/api-context.js';
import type { ApiInstance } from '../../places/api-instance.js';
import type { Caller } from '../../places/caller.js';

/** An instance that did not answer. */
export const unreachableInstance = z.object({ instance: z.string(), error_code: z.string(), message: z.string() });

/** A token as one instance knows it. */
interface InstanceToken extends TokenRecord {
  readonly instance: ApiInstance;
}

/** A token, on each instance that knows it. */
export type KnownToken = readonly [InstanceToken, ...InstanceToken[]];

export interface KnownTokens {
  readonly tokens: readonly KnownToken[];
  readonly unreachable: readonly z.output<typeof unreachableInstance>[];
}

/**
 * The tokens of the caller's instances, as far as the caller may see tokens there.
 * @throws ACCESS_DENIED if that is nowhere
 */
export async function readAllTokens(context: ApiContext, caller: Caller): Promise<KnownTokens> {
  const byHash = new Map<string, KnownToken>();
  const unreachable: z.output<typeof unreachableInstance>[] = [];
  let maySee = false;
  for (const instance of context.instances.of(caller)) {
    try {
      const role = await instance.home.roleNameOf(caller);
      const found = await instance.home.asService((client) => readTokens(client, role));
      if (found === null) continue;
      maySee = true;
      for (const record of found) {
        const key = record.hash.toString('hex');
        byHash.set(key, [...(byHash.get(key) ?? []), { ...record, instance }] as unknown as KnownToken);
      }
    } catch (error) {
      const known = asSyncedTablesError(error);
      if (!known || errorCatalogue[known.code].status !== 503) throw error;
      unreachable.push({ instance: instance.name, error_code: known.code, message: known.message });
    }
  }
  if (!maySee && unreachable.length === 0) {
    const reason = `${caller.name} is no member of databricks_superuser, which may see, make and revoke tokens`;
    throw syncedTablesError('ACCESS_DENIED', { reason });
  }
  const tokens = [...byHash.values()].sort((a, b) => (a[0].createdAt < b[0].createdAt ? 1 : -1));
  return { tokens, unreachable };
}
