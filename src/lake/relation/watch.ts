/** Looks out for changes until it is disposed of. */
export interface Watch extends Disposable {
  /** True if whatever is written there passes through this machine, which then tells of it at once. */
  readonly seesAll: boolean;
}
