import type { MeReply } from '../../../api/native/me-schema.js';
import { roleOf } from '../../data/me.js';
import { CopyAs } from '../../parts/copy-as.js';
import { quoteIdentifier } from '../../words/quoting.js';
import { catalogTexts, YAML_CATALOG } from './texts.js';

/** Why there are no source tables to choose from, and what to do; nothing if there are. */
export function NoSources({ me }: { readonly me: MeReply }) {
  if (!me.may.see_sources) return <Hidden role={roleOf(me)} />;
  if (me.catalogs.length > 0) return null;
  return (
    <section>
      <h2>{catalogTexts.noCatalog}</h2>
      <p>{catalogTexts.noCatalogWhy}</p>
      <CopyAs what={catalogTexts.noCatalog} snippets={{ YAML: YAML_CATALOG }} />
    </section>
  );
}

function Hidden({ role }: { readonly role: string }) {
  return (
    <section>
      <h2>{catalogTexts.hidden}</h2>
      <p>{catalogTexts.hiddenWhy(role)}</p>
      <CopyAs
        what={catalogTexts.hidden}
        snippets={{ SQL: `GRANT databricks_superuser TO ${quoteIdentifier(role)};` }}
      />
    </section>
  );
}
