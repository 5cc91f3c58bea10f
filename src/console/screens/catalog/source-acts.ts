import type { MeReply } from '../../../api/native/me-schema.js';
import type { SourceReply } from '../../../api/native/sources/source-schema.js';
import { isNamedLikeKey } from '../../../core/likely-key.js';
import { postgresTableName } from '../../../core/names.js';
import { snippetPlaceOf } from '../../data/use-snippet-place.js';
import type { ActElsewhere } from '../../parts/acts-elsewhere.js';
import { commandText } from '../../words/act-snippets.js';
import { callSnippets, quoteLiteral, quoteShell } from '../../words/quoting.js';
import { sourceTexts as texts } from './texts.js';

const NAME_LENGTH_MAX = 63;
const SUFFIX = '_synced';
const SOURCES = '/api/2.0/synced-tables/sources';

/** What can be done with a source, as texts to copy. */
export function sourceActs(server: string, source: SourceReply, me: MeReply | null): ActElsewhere[] {
  const path = `${SOURCES}/${encodeURIComponent(source.name)}`;
  const look = {
    word: texts.lookAtIt,
    snippets: {
      CLI: `synced-tables preview ${quoteShell(source.name)}`,
      ...callSnippets(server, { method: 'GET', path }),
    },
  };
  const yaml = catalogYaml(source);
  return [
    look,
    ...createAct(server, source, me),
    ...(yaml === null ? [] : [{ word: texts.catalogSettings, snippets: { YAML: yaml } }]),
  ];
}

/** With the key that is declared, or the only column that looks like one; without either it could not run. */
function createAct(server: string, source: SourceReply, me: MeReply | null): ActElsewhere[] {
  const [, schema = '', table = ''] = source.name.split('.');
  const likely = source.columns
    .filter(({ name, can_be_key: can }) => can && isNamedLikeKey(name))
    .map(({ name }) => name);
  const key = source.declared_key?.columns ?? (likely.length === 1 ? likely : []);
  const instance = me?.instances[0];
  const database = instance?.databases[0];
  if (key.length === 0 || instance === undefined || database === undefined) return [];
  const policy = source.change_feed === true ? 'TRIGGERED' : 'SNAPSHOT';
  const place = { ...snippetPlaceOf(me, { instance: instance.name, database: database.name }), server };
  const target = `${table.slice(0, NAME_LENGTH_MAX - SUFFIX.length)}${SUFFIX}`;
  const sqlName = postgresTableName(schema, target);
  return [
    {
      word: texts.create,
      snippets: {
        SQL: `SELECT synced_tables.create_synced_table(\n  ${[
          quoteLiteral(sqlName),
          `source_table_full_name => ${quoteLiteral(source.name)}`,
          `primary_key_columns => ARRAY[${key.map(quoteLiteral).join(', ')}]`,
          `scheduling_policy => ${quoteLiteral(policy)}`,
        ].join(',\n  ')});`,
        CLI: commandText(
          place,
          'create',
          quoteShell(sqlName),
          `--source ${quoteShell(source.name)}`,
          `--primary-key ${quoteShell(key.join(','))}`,
          `--policy ${policy}`,
        ),
        ...callSnippets(server, {
          method: 'POST',
          path: '/api/2.0/synced-tables/tables',
          body: {
            name: `${database.name}.${schema}.${target}`,
            source_table_full_name: source.name,
            primary_key_columns: key,
            scheduling_policy: policy,
          },
        }),
      },
    },
  ];
}

/** The settings of a catalog of files; null for catalogs that say themselves where their tables are. */
function catalogYaml({ name, location }: SourceReply): string | null {
  const [catalog = '', schema = '', table = ''] = name.split('.');
  const end = `/${schema}/${table}`;
  if (!location.endsWith(end)) return null;
  return `catalogs:\n  ${catalog}:\n    kind: path\n    root: ${JSON.stringify(location.slice(0, -end.length))}\n`;
}
