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
  /** The error of an instance that could not be asked; null when all answered. */
  readonly unreachable: SyncedTablesError | null;
}

/**
 * Asks every instance for the role of a token.
 * @param hash of the token; null to learn only whether there are tokens
 */
export async function findTokenRoles(instances: readonly ApiInstance[], hash: Buffer | null): Promise<TokenKnowledge> {
  const roles = new Map<string, string>();
  let hasTokens = false;
  let unreachable: SyncedTablesError | null = null;
  const ask = async (instance: ApiInstance) => {
    try {
      const known = await instance.home.asService((client) => findToken(client, hash));
      if (known.role) roles.set(instance.name, known.role);
      if (hash !== null && known.role !== null && known.isUseUnnoted) await noteUse(instance, hash);
      hasTokens ||= known.hasTokens;
    } catch (error) {
      if (!(error instanceof SyncedTablesError)) throw error;
      unreachable = error;
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

/** The instances on which the API may act for a role. */
export async function instancesOfRole(instances: readonly ApiInstance[], role: string): Promise<string[]> {
  const mayAct = await Promise.all(instances.map(({ home }) => home.asService((client) => mayActFor(client, role))));
  return instances.filter((_, place) => mayAct[place]).map(({ name }) => name);
}
