/** The rows of a source at one version, as SQL of the engine: what every kind of source comes down to. */
export interface Relation extends AsyncDisposable {
  /**
   * SELECTs whose results together are the rows, each row in exactly one of them: one for each connection that reads.
   * Their columns are those of the snapshot, by name and order, in the canonical types of `duckDbType`.
   */
  readonly parts: readonly string[];
  /** The number of rows in all parts; null if only reading tells. */
  readonly rowCount: bigint | null;
}

/** The parts as one SELECT. */
export function wholeRelation(relation: Pick<Relation, 'parts'>): string {
  return relation.parts.join('\nunion all\n');
}
