/** Fields of the address that filter or order the list; the call takes the same. */
const FILTER_FIELDS = ['q', 'group', 'policy', 'instance', 'database', 'schema', 'source', 'kind', 'pipeline'] as const;
const ORDER_FIELDS = ['sort', 'descending'] as const;

/** How many rows are asked for before somebody wants more; the call's own number. */
export const ROWS_AT_FIRST = 100;

/** The query of the call for what the address asks for. @param size rows to show */
export function readListQuery(address: URLSearchParams, size: number): URLSearchParams {
  const query = new URLSearchParams();
  for (const field of [...FILTER_FIELDS, ...ORDER_FIELDS]) {
    const value = address.get(field);
    if (value !== null && value !== '') query.set(field, value);
  }
  if (size !== ROWS_AT_FIRST) query.set('page_size', String(size));
  return query;
}

/** The same, with what the rows of the list show besides. */
export function rowsQuery(address: URLSearchParams, size: number): URLSearchParams {
  const query = readListQuery(address, size);
  query.set('lag_points', 'true');
  return query;
}

export function isFiltered(address: URLSearchParams): boolean {
  return FILTER_FIELDS.some((field) => address.get(field));
}

/** Fields for `setQuery` that take every filter away. */
export const NO_FILTER: Readonly<Record<string, null>> = Object.fromEntries(
  FILTER_FIELDS.map((field) => [field, null]),
);
