/** Proves at compile time that a union was handled exhaustively; throws for unchecked input. */
export function assertNever(value: never): never {
  throw new Error(`unexpected value: ${JSON.stringify(value)}`);
}
