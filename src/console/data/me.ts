import type { MeReply } from '../../api/native/me-schema.js';
import { type Query, useQuery } from './use-query.js';

export const ME = '/api/2.0/synced-tables/me';

/** Who calls and what they may do; the server decides again with each request. */
export function useMe(): Query<MeReply> {
  return useQuery<MeReply>(ME, { isLive: false });
}

/** The role that calls act as, for sentences: that of the first instance. */
export function roleOf(me: MeReply): string {
  return me.instances.find(({ role }) => role !== undefined)?.role ?? me.name;
}

/** Whether the caller has a right to change anything, if only a single table. */
export function mayChange({ may }: MeReply): boolean {
  return may.create || may.operate || may.manage || may.tokens;
}
