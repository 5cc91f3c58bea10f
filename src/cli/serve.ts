import type { Command } from 'commander';
import { createLogger } from '../observability/logger.js';
import { loadSettings } from '../settings/load-settings.js';
import { startSidecar } from '../sidecar/sidecar.js';
import { untilStopped } from './until-stopped.js';

export function addServeCommand(program: Command): void {
  program
    .command('serve')
    .description('Run the sidecar: install the SQL side, then work on requests until it is stopped.')
    .option('--config <file>', 'settings file (default: $SYNCED_TABLES_CONFIG, else ./synced-tables.yaml)')
    .addHelpText(
      'after',
      `
Examples:
  synced-tables serve --config /etc/synced-tables.yaml
  DATABASE_URL=postgres://postgres@localhost/app SYNCED_TABLES_LAKE=./lake synced-tables serve`,
    )
    .action(async (options: { config?: string }) => {
      const settings = loadSettings({
        ...(options.config === undefined ? {} : { file: options.config }),
        environment: process.env,
        workingFolder: process.cwd(),
      });
      const logger = createLogger(settings.log.level);
      const stopped = untilStopped();
      const sidecar = await startSidecar({ settings, logger, portOption: 'api.port in the settings' });
      const signal = await stopped;
      logger.info({ signal }, 'stopping');
      await sidecar.stop();
      logger.info('stopped');
    });
}
