import type { ErrorKind } from './error-kind.js';

/** Files of callers that a sidecar keeps. */
export const workspaceErrors = {
  WORKSPACE_NOT_KEPT: {
    message: 'No files of callers are kept: the settings do not name a folder for them.',
    remedy: 'Set workspace.folder in the settings, as databricks bundle needs it.',
    retry: 'manual',
    status: 501,
    apiCode: 'NOT_IMPLEMENTED',
    sqlState: '0A000',
  },
  WORKSPACE_PATH_INVALID: {
    message: 'Workspace path "{path}" is not valid: {reason}.',
    remedy: 'Use a path such as /Workspace/Users/<name of the caller>/folder/file.',
    retry: 'none',
    status: 400,
    apiCode: 'INVALID_PARAMETER_VALUE',
    sqlState: '42602',
  },
  WORKSPACE_PATH_NOT_FOUND: {
    message: "Path ({path}) doesn't exist.",
    remedy:
      'Callers see their own home, below /Workspace/Users, and /Workspace/Shared if they may create synced tables.',
    retry: 'manual',
    status: 404,
    apiCode: 'RESOURCE_DOES_NOT_EXIST',
    sqlState: '58P01',
  },
  WORKSPACE_PARENT_MISSING: {
    message: 'The parent folder ({path}) does not exist.',
    remedy: 'Make it first: POST /api/2.0/workspace/mkdirs.',
    retry: 'manual',
    status: 404,
    apiCode: 'RESOURCE_DOES_NOT_EXIST',
    sqlState: '58P01',
  },
  WORKSPACE_PATH_EXISTS: {
    message: 'Path ({path}) already exists.',
    remedy: 'Choose another path; a file takes the place of another one, not of a folder, with overwrite=true.',
    retry: 'manual',
    status: 409,
    apiCode: 'RESOURCE_ALREADY_EXISTS',
    sqlState: '58P02',
  },
  WORKSPACE_NOT_A_FILE: {
    message: 'Path ({path}) is a folder, which cannot be exported.',
    remedy: 'List it: GET /api/2.0/workspace/list.',
    retry: 'none',
    status: 400,
    apiCode: 'INVALID_PARAMETER_VALUE',
    sqlState: '42809',
  },
  WORKSPACE_FOLDER_NOT_EMPTY: {
    message: 'Folder ({path}) is not empty.',
    remedy: 'Set recursive to true to remove what is in it too.',
    retry: 'manual',
    status: 400,
    apiCode: 'DIRECTORY_NOT_EMPTY',
    sqlState: '2BP01',
  },
  WORKSPACE_FILE_TOO_LARGE: {
    message: 'File ({path}) is larger than {limit}; nothing was kept of it.',
    remedy: 'Leave it out (sync.exclude of a bundle), or raise workspace.file_mb in the settings.',
    retry: 'manual',
    status: 413,
    apiCode: 'MAX_NOTEBOOK_SIZE_EXCEEDED',
    sqlState: '54000',
  },
  WORKSPACE_FULL: {
    message: 'File or folder ({path}) cannot be kept: one caller may have {limit}.',
    remedy: 'Delete what is no longer needed, or raise workspace.caller_mb or workspace.caller_files in the settings.',
    retry: 'manual',
    status: 400,
    apiCode: 'QUOTA_EXCEEDED',
    sqlState: '53400',
  },
  WORKSPACE_UNUSABLE: {
    message: 'Files of callers cannot be {what}: the system says {reason}.',
    remedy:
      'Check workspace.folder of the settings: the sidecar must be able to write there, and the disk must have room.',
    retry: 'timed',
    status: 500,
    apiCode: 'INTERNAL_ERROR',
    sqlState: '58030',
  },
} as const satisfies Record<string, ErrorKind>;
