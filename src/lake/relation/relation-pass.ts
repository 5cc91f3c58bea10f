import { type HeldPart, type PartPass, type Relation, wholeRelation } from './relation.js';
import { SlicedPass } from './sliced-pass.js';

type Parts = Pick<Relation, 'parts' | 'remote' | 'files' | 'slices'>;

/** Begins a pass over the parts of a relation; remote files are fetched ahead of its readers. */
export function beginPass(relation: Parts, signal?: AbortSignal): PartPass {
  const pass = beginWholePass(relation, signal);
  return relation.slices === undefined ? pass : new SlicedPass(pass, relation.slices);
}

function beginWholePass(relation: Parts, signal?: AbortSignal, holdsAll = false): PartPass {
  if (relation.remote) return relation.remote.begin(signal, holdsAll);
  const parts = relation.parts.entries();
  return {
    async next() {
      const { value: part } = parts.next();
      if (part === undefined) return null;
      const [place, select] = part;
      return { select, files: relation.files?.[place] ?? [], [Symbol.asyncDispose]: async () => {} };
    },
    [Symbol.asyncDispose]: async () => {},
  };
}

/** The SELECTs of a pass that this reader gets; the files of each stay until the next one is requested. */
export async function* partsOf(pass: PartPass): AsyncGenerator<string> {
  for (let part = await pass.next(); part !== null; part = await pass.next()) {
    try {
      yield part.select;
    } finally {
      await part[Symbol.asyncDispose]();
    }
  }
}

/** All SELECTs of a relation, one after another. */
export async function* eachPart(relation: Parts, signal?: AbortSignal): AsyncGenerator<string> {
  const pass = beginPass(relation, signal);
  try {
    yield* partsOf(pass);
  } finally {
    await pass[Symbol.asyncDispose]();
  }
}

/**
 * The parts as one SELECT, their files all present until it is disposed: for work that cannot be done part by part.
 * @throws SPOOL_TOO_SMALL if the files are too large for that
 */
export async function holdWhole(relation: Parts, signal?: AbortSignal): Promise<HeldPart> {
  relation.remote?.requireFit();
  const pass = beginWholePass(relation, signal, true);
  const held: HeldPart[] = [];
  try {
    for (let part = await pass.next(); part !== null; part = await pass.next()) held.push(part);
  } catch (error) {
    await pass[Symbol.asyncDispose]();
    throw error;
  }
  return {
    select: wholeRelation({ parts: held.map(({ select }) => select) }),
    files: held.flatMap(({ files }) => files),
    async [Symbol.asyncDispose]() {
      for (const part of held) await part[Symbol.asyncDispose]();
      await pass[Symbol.asyncDispose]();
    },
  };
}
