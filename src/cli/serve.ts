import type { Command } from 'commander';
import { examine } from '../doctor/examine.js';
import { createLogger } from '../observability/logger.js';
import { startSidecar } from '../sidecar/sidecar.js';
import { addConfigOption, addOutputOption, type SettingsOptions, settingsOf } from './options/command-options.js';
import { endWithin, untilStopped } from './waiting/until-stopped.js';

export function addServeCommand(program: Command): void {
  const command = program
    .command('serve')
    .description('Run the sidecar: install the SQL side, then work on requests until it is stopped.')
    .addHelpText(
      'after',
      `
Examples:
  synced-tables serve --config /etc/synced-tables.yaml
  DATABASE_URL=postgres://postgres@localhost/app SYNCED_TABLES_LAKE=./lake synced-tables serve

Exit code 3: a newer version has changed a database so that this one cannot work with it. Starting it again
does not help; use the newer version.`,
    )
    .action(serve);
  addOutputOption(addConfigOption(command));
}

/** More than everything takes that can be interrupted, and less than the 30 s after which Kubernetes kills. */
const STOP_SECONDS_MAX = 25;

/** Logs go to standard error; `--output` is the form of an error that prevents the start. */
async function serve(options: SettingsOptions): Promise<void> {
  const settings = settingsOf(options, { postgres: true });
  const logger = createLogger(settings.log.level);
  const stopped = untilStopped();
  const sidecar = await startSidecar({ settings, logger, portOption: 'api.port in the settings', examine });
  const end = await Promise.race([stopped, sidecar.outdated]);
  const isOutdated = typeof end !== 'string';
  logger.info(isOutdated ? { reason: end.code } : { signal: end }, 'stopping');
  endWithin(STOP_SECONDS_MAX);
  await sidecar.stop();
  logger.info('stopped');
  if (isOutdated) throw end;
}
