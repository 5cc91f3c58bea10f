import { hrefOf } from '../../app/places.js';
import { useUnityTable } from '../../data/catalogs.js';
import { Fact } from '../../parts/facts.js';
import { Loaded } from '../../parts/loaded.js';
import { Skeleton } from '../../parts/skeleton.js';
import { sourceTexts, postgresTexts as texts } from './texts.js';

/** A table of a Postgres database, as far as the caller may see it. */
export function PostgresTable({ name }: { readonly name: string }) {
  const table = useUnityTable(name);
  const { column } = sourceTexts;
  return (
    <Loaded query={table} what={sourceTexts.what(name)} skeleton={<Skeleton rows={5} />}>
      {(found) => (
        <>
          <dl class="facts">
            <Fact name={texts.kind}>{texts.kinds[found.table_type] ?? found.table_type}</Fact>
            {found.owner && <Fact name={texts.owner}>{found.owner}</Fact>}
            <Fact name={texts.database}>{found.properties?.logical_database_name}</Fact>
          </dl>
          {found.comment && <p>{found.comment}</p>}
          {found.pipeline_id && (
            <p>
              {texts.synced} <a href={hrefOf(`/tables/${encodeURIComponent(name)}`)}>{texts.toTable}</a>
            </p>
          )}
          <table class="list columns-list">
            <thead>
              <tr>
                <th scope="col">{column.name}</th>
                <th scope="col">{texts.type}</th>
                <th scope="col">{column.nulls}</th>
                <th scope="col">{column.comment}</th>
              </tr>
            </thead>
            <tbody>
              {(found.columns ?? []).map((each) => (
                <tr key={each.name}>
                  <th scope="row">{each.name}</th>
                  <td data-label={texts.type}>
                    <code>{each.type_text}</code>
                  </td>
                  <td data-label={column.nulls}>{each.nullable ? column.yes : column.no}</td>
                  <td data-label={column.comment}>{each.comment}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </>
      )}
    </Loaded>
  );
}
