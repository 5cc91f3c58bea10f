import { quoteLiteral } from '../../core/names.js';
import type { RowFormat } from './row-source.js';

/** What the engine reads at once at least, in bytes. */
const LINE_BYTES_MIN = 1024 * 1024;

/** Rows as Postgres writes them: every value in quotes, nulls without. */
export const csvRows: RowFormat = {
  opening: '',
  between: '',
  closing: '',
  read(file, columns, longest) {
    const names = Array.from({ length: columns }, (_, at) => `'raw${at}': 'VARCHAR'`);
    const line = Math.max(LINE_BYTES_MIN, longest + 1);
    const given = [
      quoteLiteral(file),
      `columns = {${names.join(', ')}}`,
      'auto_detect = false',
      'header = false',
      `delim = ','`,
      `quote = '"'`,
      `escape = '"'`,
      `new_line = '\\n'`,
      `nullstr = ''`,
      'allow_quoted_nulls = false',
      'parallel = false',
      `max_line_size = ${line}`,
      `buffer_size = ${2 * line}`,
    ];
    return `read_csv(${given.join(', ')})`;
  },
};
