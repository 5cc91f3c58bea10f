import type { SyncedTablesError } from '../core/errors.js';
import { examine } from '../doctor/examine.js';
import { createLogger } from '../observability/logger.js';
import { checkSettings, loadSettings } from '../settings/load-settings.js';
import { startSidecar as startWithSettings } from '../sidecar/sidecar.js';

export interface StartSidecarOptions {
  /** Settings file; by default found in the same way as by the commands. */
  readonly config?: string;
  /**
   * The settings themselves, with the keys of the file (docs/reference/settings.md) but without references to
   * variables; instead of a file. Folders are relative to the working folder.
   */
  readonly settings?: object;
}

/** A sidecar inside this process. */
export interface RunningSidecar {
  /** Address of its HTTP server. */
  readonly url: string;
  /**
   * Fulfils with DATABASE_NEWER when a newer release has changed a database so that this one cannot go on with it: then
   * the sidecar has to be stopped.
   */
  readonly outdated: Promise<SyncedTablesError>;
  /** Stops all work: running updates return to the queue and leave nothing behind. */
  stop(): Promise<void>;
}

/**
 * Does in this process what `synced-tables serve` does: installs or checks the SQL side, serves HTTP, and works on
 * requests until it is stopped. For tests and tools; in production the sidecar has a process of its own. The log goes to
 * standard error, from `log.level` on.
 * @throws SyncedTablesError with the code of what is wrong; AggregateError for wrong settings
 */
export async function startSidecar(options: StartSidecarOptions = {}): Promise<RunningSidecar> {
  const { settings: given, config } = options;
  const settings =
    given === undefined
      ? loadSettings({
          ...(config === undefined ? {} : { file: config }),
          environment: process.env,
          workingFolder: process.cwd(),
        })
      : checkSettings(given, { written: given, file: 'startSidecar' });
  return startWithSettings({
    settings,
    logger: createLogger(settings.log.level),
    portOption: 'api.port in the settings',
    examine,
  });
}
