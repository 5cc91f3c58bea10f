import type { z } from 'zod';
import type { objectReply } from '../../../api/native/tables/object-schema.js';
import { serverUrl } from '../../app/places.js';
import { tableCall } from '../../data/table-calls.js';
import { useQuery } from '../../data/use-query.js';
import { Copy } from '../../parts/copy.js';
import { CopyAs } from '../../parts/copy-as.js';
import { Fact } from '../../parts/facts.js';
import { Loaded } from '../../parts/loaded.js';
import { Skeleton } from '../../parts/skeleton.js';
import { Ago } from '../../parts/time.js';
import { numberText, sizeText } from '../../words/numbers.js';
import { callSnippets, quoteLiteral } from '../../words/quoting.js';
import { objectsTexts } from './objects-texts.js';
import type { TableTabProps } from './tab-props.js';
import './history.css';

type Objects = z.output<typeof objectReply>;
type TableObject = Objects['objects'][number];

/** Indexes, dependents, rights and managers of a table, each with the statement that makes it. */
export function Tab({ table }: TableTabProps) {
  const path = tableCall(table, 'objects');
  const query = useQuery<Objects>(path, { hints: [`table:${table.table_id}`] });
  return (
    <>
      <Loaded query={query} what={objectsTexts.what} skeleton={<Skeleton rows={5} />}>
        {(reply) => (reply.objects.length === 0 ? <p>{objectsTexts.none}</p> : <ObjectGroups reply={reply} />)}
      </Loaded>
      <CopyAs
        what={objectsTexts.elsewhere}
        snippets={{
          SQL: `SELECT * FROM synced_tables.objects WHERE synced_table = ${quoteLiteral(table.sql_name)};`,
          ...callSnippets(serverUrl, { method: 'GET', path }),
        }}
      />
    </>
  );
}

function ObjectGroups({ reply }: { readonly reply: Objects }) {
  const { size_bytes: size, index_bytes: indexes, drop_refused_by: refusedBy } = reply;
  return (
    <>
      <dl class="facts">
        {size !== null && <Fact name={objectsTexts.size}>{sizeText(size)}</Fact>}
        {indexes !== null && <Fact name={objectsTexts.indexes}>{sizeText(indexes)}</Fact>}
      </dl>
      <p>{objectsTexts.kept}</p>
      {reply.refreshes_merge && <p class="note">{objectsTexts.merges}</p>}
      <p>{refusedBy.length === 0 ? objectsTexts.dropTakes : objectsTexts.refusedBy(refusedBy)}</p>
      {objectsTexts.kinds.map(([kind, title]) => {
        const found = reply.objects.filter((each) => each.kind === kind);
        if (found.length === 0) return null;
        return (
          <section key={kind}>
            <h2>{title}</h2>
            <ul class="objects">
              {found.map((each) => (
                <ObjectItem key={`${each.name} ${each.definition}`} object={each} />
              ))}
            </ul>
          </section>
        );
      })}
    </>
  );
}

function ObjectItem({ object }: { readonly object: TableObject }) {
  const { name, definition, size_bytes: size, is_valid: isValid, scans, depth } = object;
  return (
    <li>
      <p class="object-head">
        <strong>{name}</strong>
        {isValid === false && <span class="state group-fail">{objectsTexts.notValid}</span>}
        {size !== null && <span>{sizeText(size)}</span>}
        {scans !== null && object.kind === 'INDEX' && (
          <span class="quiet">{objectsTexts.scans(numberText(scans))}</span>
        )}
        {depth !== null && depth > 1 && <span class="quiet">{objectsTexts.through}</span>}
        {object.granted_by && <span class="quiet">{objectsTexts.by(object.granted_by)}</span>}
        {object.granted_at && <Ago time={object.granted_at} />}
        {definition && <Copy text={definition} what={objectsTexts.statement(name)} />}
      </p>
      {definition && (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls sideways has to be reached by keyboard
        <pre class="code" tabIndex={0}>
          {definition}
        </pre>
      )}
    </li>
  );
}
