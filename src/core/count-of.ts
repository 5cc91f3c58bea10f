/** `1 row`, `2 rows`: a number with what it counts. */
export function countOf(count: bigint | number, what: string): string {
  return `${count} ${what}${BigInt(count) === 1n ? '' : 's'}`;
}
