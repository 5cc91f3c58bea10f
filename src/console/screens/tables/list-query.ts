/** Fields of the address that filter or order the list; the call takes the same. */
const FILTER_FIELDS = ['q', 'group', 'policy', 'instance', 'database', 'schema', 'source', 'kind', 'pipeline'] as const;
const ORDER_FIELDS = ['sort', 'descending'] as const;

/** The query of the call for what the address asks for. @param size rows to show */
export function readListQuery(address: URLSearchParams, size: number): URLSearchParams {
  const query = new URLSearchParams();
  for (const field of [...FILTER_FIELDS, ...ORDER_FIELDS]) {
    const value = address.get(field);
    if (value !== null && value !== '') query.set(field, value);
  }
  if (size !== 100) query.set('page_size', String(size));
  return query;
}

export function isFiltered(address: URLSearchParams): boolean {
  return FILTER_FIELDS.some((field) => address.get(field));
}

/** Fields for `setQuery` that take every filter away. */
export const NO_FILTER: Readonly<Record<string, null>> = Object.fromEntries(
  FILTER_FIELDS.map((field) => [field, null]),
);
