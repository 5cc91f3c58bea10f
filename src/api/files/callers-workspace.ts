import { syncedTablesError } from '../../core/errors.js';
import type { ApiContext } from '../places/api-context.js';
import type { Caller } from '../places/caller.js';
import { maySeeSources } from '../synced-tables/source-rights.js';
import { type WorkspaceCaller, WorkspaceFiles } from './workspace-files.js';

const MIB = 2 ** 20;

/** The files of all callers. */
export interface CallersWorkspace {
  /** Of one file, at most. */
  readonly fileBytes: number;
  /** Whether the settings name a folder for them. */
  readonly isKept: boolean;
  /** @throws WORKSPACE_NOT_KEPT */
  files(): WorkspaceFiles;
  /** A caller, as the workspace knows them. */
  as(caller: Caller): WorkspaceCaller;
}

/** The workspace of the settings. */
export function callersWorkspace(context: ApiContext): CallersWorkspace {
  const { folder, file_mb, caller_mb, caller_files } = context.settings.workspace;
  const limits = { fileBytes: file_mb * MIB, folderBytes: caller_mb * MIB, folderFiles: caller_files };
  const files = folder === undefined ? null : new WorkspaceFiles(folder, limits);
  return {
    fileBytes: limits.fileBytes,
    isKept: files !== null,
    files: () => {
      if (files === null) throw syncedTablesError('WORKSPACE_NOT_KEPT', {});
      return files;
    },
    as: (caller) => ({ name: caller.name, maySeeShared: () => maySeeSources(context, caller) }),
  };
}
