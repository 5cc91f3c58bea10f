import type { FileEntry, FileStore } from '../../storage/file-store.js';

const HINT = 'version-hint.text';
const HINT_BYTES_MAX = 1_000;
/** What a hint names is part of a path: nothing but a number, or the name of a metadata file without its end. */
const HINT_TEXT = /^[\w-]+$/;
/** `v12.metadata.json`, `00012-<uuid>.metadata.json`, also compressed. */
const METADATA_NAME = /^(?:v(\d+)|(\d+)-[\w-]+)(?:\.gz)?\.metadata\.json(?:\.gz)?$/;
const ENDINGS = ['.metadata.json', '.gz.metadata.json', '.metadata.json.gz'];
/** Entries of a folder that are looked at to tell whether it is that of an Iceberg table. */
const ENTRIES_MAX = 1_000;

/** The folder of a table's metadata. */
export function metadataFolder(root: string): string {
  return `${root}/metadata`;
}

/** Whether a folder is that of an Iceberg table, at the cost of one status or a page of a listing. */
export async function isIcebergFolder(store: FileStore, root: string): Promise<boolean> {
  const folder = metadataFolder(root);
  if ((await store.stat(`${folder}/${HINT}`)) !== null) return true;
  const first = (await store.list(folder, undefined, ENTRIES_MAX)) ?? [];
  if (first.some(isMetadataFile)) return true;
  if (first.length < ENTRIES_MAX) return false;
  // Names that begin with a `v` come after those of many manifests.
  return ((await store.list(folder, 'v', ENTRIES_MAX)) ?? []).some(isMetadataFile);
}

function isMetadataFile({ name, isFolder }: FileEntry): boolean {
  return !isFolder && METADATA_NAME.test(name);
}

/** Whether an entry of the folder tells which state is the newest: a metadata file, or the hint. */
export function isMetadataName(name: string): boolean {
  return name === HINT || METADATA_NAME.test(name);
}

/**
 * The newest metadata files of a table in a folder without a catalog: the one that `version-hint.text` names, or those
 * above it, or else those with the highest number by their names. Several only if they have the same number, which
 * happens where writers raced and one of them lost: the one that was updated last counts. None if there is no such table.
 */
export async function locateMetadata(store: FileStore, root: string): Promise<string[]> {
  const folder = metadataFolder(root);
  const hinted = await hintedFile(store, folder);
  if (hinted !== null) return [hinted];
  const entries = (await store.list(folder)) ?? [];
  let newest: string[] = [];
  let highest = -1;
  for (const { name, isFolder } of entries) {
    const [match, plain, numbered] = METADATA_NAME.exec(name) ?? [];
    if (match === undefined || isFolder) continue;
    const number = Number(plain ?? numbered);
    if (number > highest) newest = [];
    highest = Math.max(highest, number);
    if (number === highest) newest.push(`${folder}/${name}`);
  }
  return newest;
}

/** Null if there is no hint, or none that helps: it is written last, and by some engines not at all. */
async function hintedFile(store: FileStore, folder: string): Promise<string | null> {
  const hint = (await store.readRange(`${folder}/${HINT}`, 0, HINT_BYTES_MAX))?.toString('utf8').trim() ?? '';
  if (!HINT_TEXT.test(hint)) return null;
  if (!/^\d+$/.test(hint)) return existing(store, `${folder}/${hint}`);
  let newest = await existing(store, `${folder}/v${hint}`);
  // A writer that was killed after its commit has not raised the hint.
  for (let next = Number(hint) + 1; newest !== null; next++) {
    const found = await existing(store, `${folder}/v${next}`);
    if (found === null) break;
    newest = found;
  }
  return newest;
}

async function existing(store: FileStore, name: string): Promise<string | null> {
  for (const ending of ENDINGS) {
    if ((await store.stat(name + ending)) !== null) return name + ending;
  }
  return null;
}
