import type { FastifyRequest } from 'fastify';
import { syncedTablesError } from '../../../core/errors.js';
import type { ApiContext } from '../../places/api-context.js';
import type { StatementPlace } from './create-statements.js';

/** The address by which the caller reaches the server, for statements to copy. */
export function addressOf({ settings }: ApiContext, { headers }: Pick<FastifyRequest, 'headers'>): string {
  const { public_url: url } = settings.api;
  if (url !== undefined) return url.replace(/\/$/, '');
  if (headers.host === undefined) throw syncedTablesError('REQUEST_INVALID', { reason: 'it names no host' });
  return `http://${headers.host}`;
}

/** Instance and database are named only where the command line needs them. */
export function statementPlaceOf(
  { instances, settings }: ApiContext,
  { instance, database }: { readonly instance: string; readonly database: string },
  server: string,
): StatementPlace {
  const home = instances.all().find(({ name }) => name === instance)?.home.name;
  const isOnly = home === database && (settings.instances[instance]?.databases ?? []).length < 2;
  const isOnlyInstance = instances.all().length === 1;
  return {
    instance: isOnlyInstance ? null : instance,
    database: isOnly && isOnlyInstance ? null : database,
    server,
  };
}
