import type { MeReply } from '../../api/native/me-schema.js';
import { serverUrl } from '../app/places.js';
import type { SnippetPlace } from '../words/act-snippets.js';
import { useMe } from './me.js';

export interface WherePlace {
  readonly instance: string;
  readonly database: string;
}

/** Where what is copied goes: instance and database are named only where there are several. */
export function snippetPlaceOf(me: MeReply | null, { instance, database }: WherePlace): SnippetPlace {
  const instances = me?.instances ?? [];
  const isOnly = instances.length < 2;
  const databases = instances.find(({ name }) => name === instance)?.databases ?? [];
  return {
    server: serverUrl,
    instance: isOnly ? null : instance,
    database: isOnly && databases.length < 2 ? null : database,
  };
}

export function useSnippetPlace(where: WherePlace): SnippetPlace {
  return snippetPlaceOf(useMe().data ?? null, where);
}

/** For what is about all databases. */
export const everywhere: SnippetPlace = { server: serverUrl, instance: null, database: null };
