import { counted } from '../../words/numbers.js';

/** Texts of the doctor's findings. */
export const doctorTexts = {
  title: 'Doctor',
  what: 'the findings',
  run: 'Run again',
  runFirst: 'Examine now',
  running: 'Examining …',
  wait: (seconds: number) =>
    `It ran less than a minute ago; it can run again in ${counted(seconds, 'second', 'seconds')}.`,
  never: 'This sidecar has not examined anything yet.',
  neverWhy:
    'The doctor looks for what keeps tables from being synced: settings, servers, rights, catalogs, sidecars, tables. It changes nothing.',
  ran: 'Examined',
  severities: { error: 'Error', warning: 'Warning', hint: 'Hint', ok: 'Well' },
  counts: { error: 'errors', warning: 'warnings', hint: 'hints' },
  well: (count: number) => `${counted(count, 'thing is', 'things are')} well`,
  allWell: 'All is well.',
  found: 'Found',
  remedy: 'What to do:',
  statement: 'the statement',
  noMatch: 'No finding fits the filter.',
  severity: 'Severity',
  code: 'Code',
  clear: 'Clear filters',
  show: 'Show all findings',
  elsewhere: 'As CLI, curl, Python',
} as const;
