import { counted } from '../../words/numbers.js';

/** Texts of the tab of rows. */
export const rowsTexts = {
  what: (count: number) =>
    `The first ${counted(count, 'row', 'rows')} by key, as your role sees them. They are asked for on request, and kept nowhere.`,
  load: 'Show rows',
  again: 'Show them again',
  lookUp: 'Look a key up',
  find: 'Find',
  clear: 'Show the first rows',
  notLoaded: 'There are no rows before the first copy.',
  none: 'No row has this key.',
  empty: 'The table has no rows.',
  null: 'null',
  whole: 'show all',
  cut: 'only the beginning',
  refused: (table: string, schema: string, role: string) =>
    `Your role may not read this table: GRANT USAGE ON SCHEMA ${schema} TO ${role}; GRANT SELECT ON ${table} TO ${role};`,
  currentOnly: 'Current rows only',
  history: 'History of this key',
  from: 'from',
  until: 'until',
  today: 'now',
  beginning: 'the beginning',
  grid: 'Rows of the table',
  elsewhere: 'As SQL, CLI, curl …',
} as const;
