import type { Field } from '../../../core/data-type.js';
import type { FileStore } from '../../storage/file-store.js';
import type { Action } from './action.js';
import { readJsonActions } from './commit-reader.js';
import { type Checkpoint, logFolder } from './log-listing.js';
import { resolveLogPath } from './log-path.js';

/**
 * Reads a Parquet checkpoint or sidecar at an absolute path of the store: its `protocol`, `metaData`, `add` and
 * `sidecar` rows in any order. `remove` rows may be omitted, since they are tombstones for VACUUM. Injected, so that
 * the protocol logic does not depend on a Parquet engine. May throw any error for a file that it cannot read.
 */
export type CheckpointReader = (path: string) => AsyncIterable<Action>;

/**
 * The actions of a checkpoint, those of its sidecars included. Any checkpoint may have sidecars, whatever its name
 * says: a classic name can hold v2 content (protocol: "Checkpoints", "V2 Spec").
 */
export async function* readCheckpointActions(options: {
  store: FileStore;
  root: string;
  tableName: string;
  checkpoint: Checkpoint;
  readCheckpoint: CheckpointReader;
  /** Of checkpoints that are JSON; `readCheckpoint` knows it for itself. */
  statisticsOf?: readonly Field[];
}): AsyncGenerator<Action> {
  const { store, root, tableName, checkpoint, readCheckpoint, statisticsOf = [] } = options;
  const sidecarPaths: string[] = [];
  for (const name of checkpoint.names) {
    const path = `${logFolder(root)}/${name}`;
    const actions = name.endsWith('.json')
      ? readJsonActions({ store, path, name, tableName, statisticsOf })
      : readCheckpoint(path);
    for await (const action of actions) {
      if (action.kind === 'sidecar')
        sidecarPaths.push(sidecarPath({ root, reference: action.path, tableName, logFile: name }));
      else yield action;
    }
  }
  // Only now: an engine may be unable to read two files at once on one connection.
  for (const path of sidecarPaths) yield* readCheckpoint(path);
}

/**
 * Sidecars are always in the table's own `_sidecars`, so the file name alone finds them even after the table was moved.
 */
function sidecarPath(options: { root: string; reference: string; tableName: string; logFile: string }): string {
  const resolved = resolveLogPath(options);
  return `${logFolder(options.root)}/_sidecars/${resolved.slice(resolved.lastIndexOf('/') + 1)}`;
}
