import { hrefOf } from '../../app/places.js';
import { useQuery } from '../../data/use-query.js';
import { CopyAs } from '../../parts/copy-as.js';
import { quoteLiteral } from '../../words/quoting.js';
import { tablesTexts } from './texts.js';

interface SchemaList {
  readonly schemas?: readonly { readonly full_name: string; readonly name: string }[];
}

interface SourceList {
  readonly tables?: readonly { readonly full_name: string }[];
}

const SHOWN = 5;

/** A few source tables to begin with, and the same as SQL. */
export function FirstSources({ catalogs }: { readonly catalogs: readonly string[] }) {
  const [catalog = ''] = catalogs;
  const unity = '/api/2.1/unity-catalog';
  const schemas = useQuery<SchemaList>(`${unity}/schemas?catalog_name=${encodeURIComponent(catalog)}`, {
    isLive: false,
  });
  const schema = schemas.data?.schemas?.find(({ name }) => name !== 'information_schema')?.name ?? null;
  const query = new URLSearchParams({ catalog_name: catalog, schema_name: schema ?? '', omit_columns: 'true' });
  const sources = useQuery<SourceList>(schema === null ? null : `${unity}/tables?${query}`, { isLive: false });
  const names = (sources.data?.tables ?? []).slice(0, SHOWN).map(({ full_name: name }) => name);
  const [first = `${catalog}.<schema>.<table>`] = names;
  return (
    <>
      {names.length > 0 && (
        <ul>
          {names.map((name) => (
            <li key={name}>
              <a href={hrefOf(`/create?source=${encodeURIComponent(name)}`)}>{name}</a>
            </li>
          ))}
        </ul>
      )}
      <CopyAs
        what={tablesTexts.empty.noTable}
        snippets={{
          SQL: `SELECT synced_tables.create_synced_table(
  ${quoteLiteral(`gold.${first.split('.').at(-1)}_synced`)},
  source_table_full_name => ${quoteLiteral(first)},
  primary_key_columns => ARRAY['<key column>']);`,
        }}
      />
    </>
  );
}
