import type { MeReply } from '../../../api/native/me-schema.js';
import type { TableListReply } from '../../../api/native/tables/table-list-schema.js';
import { setQuery } from '../../app/router.js';
import { mayChange, roleOf } from '../../data/me.js';
import { CopyAs } from '../../parts/copy-as.js';
import { quoteIdentifier } from '../../words/quoting.js';
import { FirstSources } from './first-sources.js';
import { isFiltered, NO_FILTER } from './list-query.js';
import { tablesTexts, YAML_CATALOG } from './texts.js';

const { empty } = tablesTexts;

interface EmptyListProps {
  readonly reply: TableListReply;
  readonly query: URLSearchParams;
  readonly me: MeReply | null;
}

/** Why no table is shown, and what to do about it. */
export function EmptyList({ reply, query, me }: EmptyListProps) {
  if (isFiltered(query) && reply.total_unfiltered > 0) {
    return (
      <section class="empty">
        <h2>{empty.noMatch(reply.total_unfiltered)}</h2>
        <button type="button" onClick={() => setQuery(NO_FILTER)}>
          {tablesTexts.clear}
        </button>
      </section>
    );
  }
  if (me === null) return null;
  if (!mayChange(me)) {
    const role = roleOf(me);
    const name = quoteIdentifier(role);
    const statements = [
      `GRANT USAGE ON SCHEMA … TO ${name}; GRANT SELECT ON … TO ${name};   -- see one table`,
      `GRANT databricks_superuser TO ${name};   -- create, sync and delete`,
    ];
    return (
      <section class="empty">
        <h2>{empty.noRight(role)}</h2>
        <p>{empty.noRightWhy}</p>
        <CopyAs what={empty.noRight(role)} snippets={{ SQL: statements.join('\n') }} />
      </section>
    );
  }
  if (me.catalogs.length === 0) {
    return (
      <section class="empty">
        <h2>{empty.noCatalog}</h2>
        <p>{empty.noCatalogWhy}</p>
        <CopyAs what={empty.noCatalog} snippets={{ YAML: YAML_CATALOG }} />
      </section>
    );
  }
  return (
    <section class="empty">
      <h2>{empty.noTable}</h2>
      <p>{empty.noTableWhy}</p>
      <FirstSources catalogs={me.catalogs} />
    </section>
  );
}
