/** Proves at compile time that a union was handled whole; throws when unchecked input slips through. */
export function assertNever(value: never): never {
  throw new Error(`unexpected value: ${JSON.stringify(value)}`);
}
