import { counted } from '../../words/numbers.js';

/** Texts of the pages about errors. */
export const errorsTexts = {
  title: 'Errors and help',
  filter: 'Code or words of the message',
  shown: (count: number) => counted(count, 'error', 'errors'),
  unknown: (code: string) => `No error has the code ${code}.`,
  unknownWhy: 'It may be one of Postgres, or of another release. These are the codes that this release knows:',
  message: 'What it says',
  remedy: 'What to do',
  retry: 'Tried again',
  retries: {
    none: 'Never by itself: trying again would fail in the same way.',
    timed: 'By itself, after a while that grows.',
    manual: 'Once somebody has done what the text says, with the next update or request.',
  },
  codes: 'Elsewhere',
  http: (status: number, code: string) => `HTTP ${status}, ${code}`,
  sqlState: (code: string) => `SQLSTATE ${code}`,
  placeholders: 'Names in braces stand for what the error is about.',
  tables: 'Tables that have it now',
  tablesWhat: 'the tables with this error',
  noTables: 'No table that you may see has it now.',
  all: 'All errors',
  events: 'Events with it',
  severity: 'Found by the doctor as',
  severities: { error: 'an error', warning: 'a warning', hint: 'a hint', ok: 'something that is well' },
  doctorTopic: 'Findings of the doctor',
  none: 'No error fits.',
  help: 'Help',
  helpApi: 'Every call that this console makes, to be made elsewhere',
} as const;
