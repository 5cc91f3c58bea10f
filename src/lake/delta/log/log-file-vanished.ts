/** A listed file of `_delta_log` no longer exists: the reader lists again. Never reaches a user. */
export class LogFileVanished extends Error {
  override readonly name = 'LogFileVanished';
  readonly path: string;

  constructor(path: string) {
    super(`${path} does not exist any more`);
    this.path = path;
  }
}
