import { syncedTablesError } from './errors.js';
import { nameProblem } from './name-problem.js';
import type { TableName } from './names.js';

/** As in Unity Catalog, but for quotes, which would have to be told from those around a name. */
const NAME_PART = /^[^\s./"`\p{Cc}]{1,255}$/u;
/** With or without backticks. */
const PART = '(`[^`]+`|[^.`]+)';
const FULL_NAME = new RegExp(`^${PART}\\.${PART}\\.${PART}$`);

/** Whether a source table, its schema or its catalog may have this name. */
export function isSourceNamePart(part: string): boolean {
  return NAME_PART.test(part);
}

/**
 * Reads the full name of a source table, with or without backticks around its parts.
 * @throws SOURCE_NAME_INVALID unless it has three parts without dots, slashes, spaces, quotes and control characters
 */
export function parseSourceName(name: string): TableName {
  const parts =
    FULL_NAME.exec(name)
      ?.slice(1)
      .map((part) => part.replaceAll('`', '')) ?? [];
  const [catalog, schema, table] = parts;
  if (!catalog || !schema || !table || !parts.every(isSourceNamePart)) {
    const problem = nameProblem(name.replaceAll('`', ''), SOURCE_PARTS);
    throw syncedTablesError('SOURCE_NAME_INVALID', { name, problem: `: ${problem}` });
  }
  return { catalog, schema, table };
}

const SOURCE_PARTS = ['catalog', 'schema', 'table'].map((what) => ({
  what,
  lengthMax: 255,
  allowed: /[^\s/"\p{Cc}]/u,
  allowedText: 'characters other than slashes, spaces and quotes',
}));
