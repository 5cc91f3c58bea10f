import { syncedTablesError } from '../../core/errors.js';
import { explainOpenFiles } from '../../core/reasons/open-files.js';

/** Errors of the file system without its paths, which callers have no need to know. */
export async function inOurWords<Result>(work: () => Promise<Result>, what: 'read' | 'written'): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    const { code, syscall } = error as NodeJS.ErrnoException;
    if (syscall === undefined || code === undefined) throw error;
    throw explainOpenFiles(error) ?? syncedTablesError('WORKSPACE_UNUSABLE', { what, reason: code }, error);
  }
}

/** For `catch`: what is not there is no error. */
export function nullIfMissing(error: unknown): null {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT' || code === 'ENOTDIR') return null;
  throw error;
}

/** For `catch`: what is there already is no error. */
export function falseIfExists(error: unknown): false {
  if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
  throw error;
}
