/** The rows of a source at one version, as SQL of the engine: what every kind of source comes down to. */
export interface Relation extends AsyncDisposable {
  /**
   * SELECTs whose results together are the rows, each row in exactly one of them. Their columns are those of the
   * snapshot, by name and order, in the canonical types of `duckDbType`. Where `remote` is set, they can be run only
   * while a pass over the relation holds their files (see `beginPass`), and there may be many; else there is one for
   * each connection that reads.
   */
  readonly parts: readonly string[];
  /** The number of rows in all parts; null if only reading tells. */
  readonly rowCount: bigint | null;
  /** Set where the files of a part have to be brought to the engine first; absent where they are on the local disk. */
  readonly remote?: RemoteParts;
}

/** Files of parts that come and go. */
export interface RemoteParts {
  /** Whether the files of all parts may be there at once. */
  readonly fitsSpool: boolean;
  /** Begins to fetch the files of the parts, in order and ahead of the readers, as far as the spool has room. */
  begin(signal?: AbortSignal): PartPass;
  /** @throws SPOOL_TOO_SMALL unless `fitsSpool` */
  requireFit(): void;
}

/** One way through the parts of a relation. Several readers may share it. */
export interface PartPass extends AsyncDisposable {
  /** The next part, its files on the disk; null after the last. A reader gives one back before it asks for another. */
  next(): Promise<HeldPart | null>;
}

/** A part that can be run until it is given back. */
export interface HeldPart extends AsyncDisposable {
  readonly select: string;
}

/** The parts as one SELECT; to be run only where their files are there (see `holdWhole`). */
export function wholeRelation(relation: Pick<Relation, 'parts'>): string {
  return relation.parts.join('\nunion all\n');
}
