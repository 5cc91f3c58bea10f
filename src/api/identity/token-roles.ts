import { SyncedTablesError } from '../../core/errors.js';
import { findToken, mayActFor, noteTokenUse } from '../../postgres/registry/api/tokens.js';
import { isPostgresError } from '../../postgres/session/session.js';
import type { ApiInstance } from '../places/api-instance.js';

/** What the instances know about a bearer token. */
export interface TokenKnowledge {
  /** The role that the token acts as, by instance; instances that do not know the token are left out. */
  readonly roles: ReadonlyMap<string, string>;
  /** Whether any instance has ever had a token: if so, no request is served without one. */
  readonly hasTokens: boolean;
  /** The instances that could not be asked, and why. */
  readonly unreachable: ReadonlyMap<string, SyncedTablesError>;
}

/**
 * Asks every instance for the role of a token.
 * @param hash of the token; null to learn only whether there are tokens
 */
export async function findTokenRoles(instances: readonly ApiInstance[], hash: Buffer | null): Promise<TokenKnowledge> {
  const roles = new Map<string, string>();
  let hasTokens = false;
  const unreachable = new Map<string, SyncedTablesError>();
  const ask = async (instance: ApiInstance) => {
    try {
      const known = await instance.home.asService((client) => findToken(client, hash));
      if (known.role) roles.set(instance.name, known.role);
      if (hash !== null && known.role !== null && known.isUseUnnoted) await noteUse(instance, hash);
      hasTokens ||= known.hasTokens;
    } catch (error) {
      if (!(error instanceof SyncedTablesError)) throw error;
      unreachable.set(instance.name, error);
    }
  };
  await Promise.all(instances.map(ask));
  return { roles, hasTokens, unreachable };
}

/** Where nothing can be written, reading goes on: only the time is missing then. */
async function noteUse({ home }: ApiInstance, hash: Buffer): Promise<void> {
  try {
    await home.asService((client) => noteTokenUse(client, hash));
  } catch (error) {
    if (!isPostgresError(error) && !(error instanceof SyncedTablesError)) throw error;
  }
}

/** The instances on which the API may act for a role, and those that could not be asked. */
export async function instancesOfRole(
  instances: readonly ApiInstance[],
  role: string,
): Promise<{ readonly served: readonly string[]; readonly unreachable: ReadonlyMap<string, SyncedTablesError> }> {
  const served: string[] = [];
  const unreachable = new Map<string, SyncedTablesError>();
  const ask = async ({ name, home }: ApiInstance) => {
    try {
      if (await home.asService((client) => mayActFor(client, role))) served.push(name);
    } catch (error) {
      if (!(error instanceof SyncedTablesError)) throw error;
      unreachable.set(name, error);
    }
  };
  await Promise.all(instances.map(ask));
  return { served, unreachable };
}
