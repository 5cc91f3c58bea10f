import type { z } from 'zod';
import { syncedTablesError } from '../../../core/errors.js';
import { isUuid } from '../../../core/uuid.js';
import { type EventFilter, type FoundEvent, searchEvents } from '../../../postgres/registry/api/event-search.js';
import { catalogOfDatabase } from '../../names/catalog-place.js';
import { fullNameOfSql } from '../../names/table-name.js';
import type { ApiContext, ApiServer } from '../../places/api-context.js';
import { askEachDatabase, type EachDatabase, unknownDatabases } from '../../places/ask-databases.js';
import type { Caller } from '../../places/caller.js';
import type { DatabasePlace } from '../../places/database-place.js';
import { PAGE_SIZE_MAX } from '../../wire/page.js';
import { NATIVE_PATH, NATIVE_TAGS } from '../native-path.js';
import {
  comparePositions,
  type EventPosition,
  eventIdOf,
  makePageToken,
  type PageStart,
  parseEventId,
  placeIn,
  readPageToken,
} from './event-page.js';
import { placesOfEvents } from './event-places.js';
import { eventSearchQuery, eventSearchReply } from './event-search-schema.js';

type Query = z.output<typeof eventSearchQuery>;
type Reply = z.output<typeof eventSearchReply>;

/** What happened, searched over all databases of all instances. */
export function addEventSearchRoutes(server: ApiServer, context: ApiContext): void {
  server.get(
    `${NATIVE_PATH}/events`,
    {
      schema: {
        tags: NATIVE_TAGS,
        summary: 'What happened to tables and pipelines, newest first, of all databases',
        querystring: eventSearchQuery,
        response: { 200: eventSearchReply },
      },
    },
    async ({ query, caller }) => {
      const search = await openSearch(context, caller, query);
      const size = Math.min(query.page_size || PAGE_SIZE_MAX, PAGE_SIZE_MAX);
      if (query.around !== undefined) return pageAround(search, query.around, size);
      return pageFrom(search, query.page_token ? readPageToken(query.page_token) : NEWEST, size);
    },
  );
}

const NEWEST: PageStart = { direction: 'older', after: null };
const WORDS_MAX = 20;

/** A search of one caller, wherever its pages begin. */
interface Search {
  readonly caller: Caller;
  readonly filter: EventFilter;
  readonly places: readonly DatabasePlace[];
  readonly unknown: ReturnType<typeof unknownDatabases>;
}

/** What the search of one database came to. */
interface PlacedEvents {
  readonly events: readonly PlacedEvent[];
  readonly edge: EventPosition | null;
}

interface PlacedEvent extends EventPosition {
  readonly event: FoundEvent;
  readonly where: DatabasePlace;
  /** The catalog in the names of tables that have none of their own. */
  readonly otherCatalog: string;
}

/** @throws REQUEST_INVALID, API_NAME_INVALID */
async function openSearch(context: ApiContext, caller: Caller, query: Query): Promise<Search> {
  const { places, syncedTable } = await placesOfEvents(context, caller, query);
  const words = (query.q ?? '').split(/\s+/).filter((word) => word !== '');
  if (words.length > WORDS_MAX) {
    throw syncedTablesError('REQUEST_INVALID', { reason: `q: it has more than ${WORDS_MAX} words` });
  }
  const filter = {
    eventId: null,
    levels: query.level.length === 0 ? null : query.level,
    types: query.type.length === 0 ? null : query.type,
    syncedTable,
    pipelineId: idOf('pipeline', query.pipeline),
    updateId: idOf('update', query.update),
    from: query.from ?? null,
    to: query.to ?? null,
    words,
  };
  return { caller, filter, places, unknown: unknownDatabases(context, caller, query) };
}

function idOf(field: string, given: string | undefined): string | null {
  if (given === undefined || given === '') return null;
  const id = given.toLowerCase();
  if (!isUuid(id)) throw syncedTablesError('REQUEST_INVALID', { reason: `${field}: it is not an id` });
  return id;
}

/** The events nearest to a place in one direction, in that direction, and one more than `size` if there are more. */
async function find(
  search: Search,
  { direction, after }: PageStart,
  size: number,
): Promise<EachDatabase<PlacedEvents>> {
  const { caller, filter, places, unknown } = search;
  const { answers, unreachable } = await askEachDatabase(places, async (where) => {
    const place = `${where.instance.name}/${where.database.name}`;
    const role = await where.database.roleNameOf(caller);
    const found = await where.database.asService((client) =>
      searchEvents(client, { role, filter, direction, after: placeIn(place, after), limit: size + 1 }),
    );
    const edge = found.edge && { ...found.edge, place };
    if (found.events.length === 0) return { events: [], edge };
    const otherCatalog = await catalogOfDatabase(where.instance, where.database.name);
    return { events: found.events.map((event) => ({ ...event, place, event, where, otherCatalog })), edge };
  });
  return { answers, unreachable: [...unreachable, ...unknown] };
}

/**
 * The events of all databases in one order, as far as all of them were searched: where one search ended early, events of
 * others beyond that are left to the next page.
 */
function merged({ answers }: EachDatabase<PlacedEvents>, direction: PageStart['direction']) {
  const sign = direction === 'older' ? -1 : 1;
  const compare = (a: EventPosition, b: EventPosition) => sign * comparePositions(a, b);
  const edge = answers.flatMap(({ answer }) => answer.edge ?? []).sort(compare)[0] ?? null;
  const events = answers.flatMap(({ answer }) => answer.events).sort(compare);
  return { events: edge === null ? events : events.filter((event) => compare(event, edge) <= 0), edge };
}

async function pageFrom(search: Search, start: PageStart, size: number): Promise<Reply> {
  const { direction, after } = start;
  const found = await find(search, start, size);
  const { events: all, edge: ended } = merged(found, direction);
  const isFull = all.length > size;
  // Where words were looked for no further, the next page goes on.
  const edge = isFull ? null : ended;
  const events = all.slice(0, size);
  if (direction === 'newer') events.reverse();
  // Going back, what the page came from is older than it.
  const hasOlder = direction === 'newer' || isFull || edge !== null;
  const oldest = (direction === 'older' ? edge : null) ?? events.at(-1) ?? (direction === 'newer' ? after : null);
  const newest = (direction === 'newer' ? edge : null) ?? events[0] ?? after;
  return {
    events: events.map(shown),
    ...(hasOlder && oldest ? { next_page_token: makePageToken('older', oldest) } : {}),
    ...(newest ? { prev_page_token: makePageToken('newer', newest) } : {}),
    ...(edge !== null ? { searched_to: edge.occurredAt } : {}),
    unreachable: [...found.unreachable],
  };
}

/** @throws EVENT_NOT_FOUND, also for an event that the caller may not see */
async function pageAround(search: Search, id: string, size: number): Promise<Reply> {
  const { instance, database, eventId } = parseEventId(id);
  const where = search.places.filter((place) => place.instance.name === instance && place.database.name === database);
  const only: Search = { ...search, places: where, filter: { ...ANY_EVENT, eventId } };
  const [middle] = merged(await find(only, NEWEST, 1), 'older').events;
  if (!middle) throw syncedTablesError('EVENT_NOT_FOUND', { event: id });
  const half = Math.floor(size / 2);
  const newer = await pageFrom(search, { direction: 'newer', after: middle }, half);
  // From just behind it, so that it is the first of those.
  const start: PageStart = { direction: 'older', after: { ...middle, eventId: eventId + 1n } };
  const older = await pageFrom(search, start, size - half);
  return {
    events: [...newer.events, ...older.events],
    ...(older.next_page_token === undefined ? {} : { next_page_token: older.next_page_token }),
    ...(newer.prev_page_token === undefined ? {} : { prev_page_token: newer.prev_page_token }),
    unreachable: older.unreachable,
  };
}

const ANY_EVENT: EventFilter = {
  eventId: null,
  levels: null,
  types: null,
  syncedTable: null,
  pipelineId: null,
  updateId: null,
  from: null,
  to: null,
  words: [],
};

function shown({ event, where, otherCatalog, ...position }: PlacedEvent): Reply['events'][number] {
  const { instance, database } = where;
  const { syncedTable } = event;
  return {
    id: eventIdOf(position),
    instance: instance.name,
    database: database.name,
    occurred_at: event.occurredAt,
    level: event.level,
    event_type: event.type,
    table: syncedTable === null ? null : fullNameOfSql(event.catalog ?? otherCatalog, syncedTable),
    synced_table: syncedTable,
    pipeline_id: event.pipelineId,
    pipeline_name: event.pipelineName,
    update_id: event.updateId,
    message: event.message,
    details: event.details,
  };
}
