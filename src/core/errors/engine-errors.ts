import type { ErrorKind } from './error-kind.js';

/** What this process, and the engine in it that reads source tables, has too little of. */
export const engineErrors = {
  ENGINE_OUT_OF_MEMORY: {
    message: 'Source table {table} needs more memory than engine.memory_limit_mb allows: {reason}.',
    remedy:
      'Raise engine.memory_limit_mb in the settings and restart the sidecar. Large values need it: all of the rows that are read at once, or a single value, must fit.',
    retry: 'timed',
    status: 507,
    apiCode: 'RESOURCE_EXHAUSTED',
    sqlState: '53200',
  },
  OPEN_FILES_LIMIT: {
    message: 'This process may open no more files and connections: {reason}.',
    remedy:
      'Raise its limit to 1024 or more, where it is started: "ulimit -n" in a shell, LimitNOFILE= in a systemd unit, --ulimit nofile= for a container. Nothing is wrong with the file or the server named.',
    retry: 'timed',
    status: 503,
    apiCode: 'TEMPORARILY_UNAVAILABLE',
    sqlState: '53000',
  },
  ENGINE_FOLDER_UNUSABLE: {
    message: 'Source table {table} was not read: the folder for temporary files cannot be used: {reason}.',
    remedy:
      'Nothing is wrong with the source. See that engine.temporary_folder (by default that of the system) is there, is writable and is not cleaned up while the sidecar runs.',
    retry: 'timed',
    status: 500,
    apiCode: 'TEMPORARILY_UNAVAILABLE',
    sqlState: '58030',
  },
  ENGINE_DISK_FULL: {
    message: 'Source table {table} needs more disk in engine.temporary_folder than there is: {reason}.',
    remedy:
      'Free space there, choose a larger disk by engine.temporary_folder in the settings, or raise engine.memory_limit_mb; new settings count once the sidecar is restarted.',
    retry: 'timed',
    status: 507,
    apiCode: 'RESOURCE_EXHAUSTED',
    sqlState: '53100',
  },
} as const satisfies Record<string, ErrorKind>;
