import type { StreamingTableReply } from '../../../api/native/streaming/streaming-schema.js';
import { Changing } from '../../parts/changing.js';
import { ListHead } from '../../parts/list-head.js';
import { Ago } from '../../parts/time.js';
import { numberText } from '../../words/numbers.js';
import { streamingTexts } from './texts.js';

type Flow = StreamingTableReply['flows'][number];

const { columns } = streamingTexts;

/** The flows into a table: what each reads, and how far it has read. */
export function FlowList({ table }: { readonly table: StreamingTableReply }) {
  return (
    <table class="list flows">
      <ListHead columns={columns} />
      <tbody>
        {table.flows.map((flow) => (
          <FlowRow key={flow.name} flow={flow} />
        ))}
      </tbody>
    </table>
  );
}

function FlowRow({ flow }: { readonly flow: Flow }) {
  const deletes = flow.options.apply_as_deletes;
  return (
    <tr>
      <td>
        {flow.name}
        <details>
          <summary>{streamingTexts.options}</summary>
          <ul>
            {Object.entries(flow.options).map(([name, value]) => (
              <li key={name}>
                <code>{`${name} = ${typeof value === 'string' ? value : JSON.stringify(value)}`}</code>
              </li>
            ))}
          </ul>
        </details>
      </td>
      <td>
        <span class="card-word">{columns.source} </span>
        {flow.source} <span class="quiet">{`${flow.source_kind}, ${streamingTexts.kinds[flow.kind]}`}</span>
      </td>
      <td>
        {typeof deletes === 'string' && (
          <>
            <span class="card-word">{columns.deletes} </span>
            <code>{deletes}</code>
          </>
        )}
      </td>
      <td>
        <span class="card-word">{columns.batch} </span>
        {flow.batch_id === null ? (
          <span class="quiet">{streamingTexts.noBatch}</span>
        ) : (
          <Changing text={numberText(flow.batch_id)} />
        )}
      </td>
      <td>
        <span class="card-word">{columns.position} </span>
        <Positions flow={flow} />
      </td>
      <td>
        <span class="card-word">{columns.committed} </span>
        {flow.committed_at === null ? (
          <span class="quiet">{streamingTexts.noBatch}</span>
        ) : (
          <Ago time={flow.committed_at} />
        )}
      </td>
    </tr>
  );
}

function Positions({ flow }: { readonly flow: Flow }) {
  if (flow.read_up_to.length === 0) return <span class="quiet">{streamingTexts.noBatch}</span>;
  return (
    <>
      {flow.read_up_to.map(({ table, version, transaction }) => (
        <span key={table} class="line" title={table}>
          {version === null
            ? streamingTexts.transaction(numberText(transaction ?? 0))
            : streamingTexts.version(numberText(version))}
        </span>
      ))}
    </>
  );
}
