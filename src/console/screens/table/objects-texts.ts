import { counted } from '../../words/numbers.js';

/** Texts of what hangs on a table. */
export const objectsTexts = {
  what: 'what hangs on this table',
  none: 'There is no table in Postgres yet.',
  size: 'Whole size',
  indexes: 'Of that, key and indexes',
  kept: 'A refresh keeps all of this.',
  merges: 'A foreign key refers to the table: a full refresh is merged into it instead of switched in.',
  refusedBy: (names: readonly string[]) =>
    `DROP TABLE, and a deletion that drops the table, is refused for ${counted(names.length, 'object', 'objects')}: ${names.join(', ')}.`,
  goAlong: (count: number) => `${counted(count, 'thing goes', 'things go')} with it, and would have to be made again:`,
  dropTakes: 'Nothing depends on the table. If it is dropped, indexes and rights on it go too.',
  notValid: 'not valid',
  scans: (count: string) => `used ${count} times since the last switch`,
  by: (role: string) => `by ${role}`,
  through: 'through another view',
  statement: (name: string) => `the statement that makes ${name}`,
  elsewhere: 'this',
  kinds: [
    ['PRIMARY_KEY', 'Key'],
    ['INDEX', 'Indexes'],
    ['VIEW', 'Views'],
    ['MATERIALIZED_VIEW', 'Materialized views'],
    ['FOREIGN_KEY', 'Foreign keys to the table'],
    ['FUNCTION', 'Functions'],
    ['OTHER', 'Other objects that depend on it'],
    ['GRANT', 'Rights'],
    ['MANAGER', 'Managers'],
    ['PUBLICATION', 'Publications'],
    ['COMMENT', 'Comments'],
    ['PARTITION', 'Partition'],
  ],
} as const;
