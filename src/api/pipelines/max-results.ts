const DEFAULT_RESULTS = 25;

/** The size of a page: 25 unless a client asks for another; 0 stands for "as you like". */
export function pageSizeOf(query: { readonly max_results?: number | undefined }, largest: number): number {
  return Math.min(query.max_results || DEFAULT_RESULTS, largest);
}
