import { z } from 'zod';
import { syncedTablesError } from '../../../core/errors.js';
import type { EventPlace } from '../../../postgres/registry/api/event-search.js';

/** Where an event stands among those of all databases: by time, then database, then number. */
export interface EventPosition extends EventPlace {
  /** `instance/database` */
  readonly place: string;
}

/** Where a page begins, and in which direction it goes. */
export interface PageStart {
  readonly direction: 'older' | 'newer';
  /** Null for the newest events. */
  readonly after: EventPosition | null;
}

const token = z.tuple([
  z.enum(['older', 'newer']),
  z.iso.datetime({ precision: 6 }),
  z.string(),
  z.string().regex(/^\d{1,18}$/),
]);

export function makePageToken(direction: PageStart['direction'], position: EventPosition): string {
  const parts = [direction, position.occurredAt, position.place, position.eventId.toString()];
  return Buffer.from(JSON.stringify(parts)).toString('base64url');
}

/** @throws REQUEST_INVALID */
export function readPageToken(text: string): PageStart {
  try {
    const [direction, occurredAt, place, id] = token.parse(JSON.parse(Buffer.from(text, 'base64url').toString()));
    return { direction, after: { occurredAt, place, eventId: BigInt(id) } };
  } catch (error) {
    throw syncedTablesError('REQUEST_INVALID', { reason: 'page_token: it is not one of this list' }, error);
  }
}

const NUMBER_MAX = 2n ** 63n - 1n;

/** A position as the events of one database see it: those of other databases at the same instant come before or after. */
export function placeIn(place: string, position: EventPosition | null): EventPlace | null {
  if (position === null || place === position.place) return position;
  return { occurredAt: position.occurredAt, eventId: place < position.place ? NUMBER_MAX : 0n };
}

/** For sorting: oldest first. */
export function comparePositions(a: EventPosition, b: EventPosition): number {
  if (a.occurredAt !== b.occurredAt) return a.occurredAt < b.occurredAt ? -1 : 1;
  if (a.place !== b.place) return a.place < b.place ? -1 : 1;
  return a.eventId < b.eventId ? -1 : Number(a.eventId > b.eventId);
}

/** Ids of events name their database: `local/app/1234`. */
export function eventIdOf({ place, eventId }: EventPosition): string {
  return `${place}/${eventId}`;
}

/** @throws REQUEST_INVALID */
export function parseEventId(id: string): {
  readonly instance: string;
  readonly database: string;
  readonly eventId: bigint;
} {
  const [, instance, database, number] = /^([^/]+)\/(.+)\/(\d{1,18})$/.exec(id) ?? [];
  if (instance === undefined || database === undefined || number === undefined) {
    throw syncedTablesError('REQUEST_INVALID', {
      reason: 'around: it is not the id of an event, instance/database/number',
    });
  }
  return { instance, database, eventId: BigInt(number) };
}
