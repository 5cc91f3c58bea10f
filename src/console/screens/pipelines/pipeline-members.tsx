import type { OnePipelineReply } from '../../../api/native/pipelines/pipeline-schema.js';
import { hrefOf } from '../../app/places.js';
import { MemberState } from './pipeline-state.js';
import { pipelinesTexts } from './texts.js';

const { tableColumns } = pipelinesTexts;

/** The tables of a pipeline with their states. */
export function PipelineMembers({ pipeline }: { readonly pipeline: OnePipelineReply }) {
  return (
    <>
      {pipeline.tables.length > 0 && (
        <table class="list members">
          <thead>
            <tr>
              <th scope="col">{tableColumns.name}</th>
              <th scope="col">{tableColumns.state}</th>
              <th scope="col">{tableColumns.error}</th>
            </tr>
          </thead>
          <tbody>
            {pipeline.tables.map((table) => (
              <tr key={table.name}>
                <td>
                  <a
                    href={hrefOf(
                      `/${table.kind === 'STREAMING' ? 'streaming' : 'tables'}/${encodeURIComponent(table.name)}`,
                    )}
                  >
                    {table.name}
                  </a>
                </td>
                <td>
                  <MemberState table={table} />
                </td>
                <td>{table.error_code && <a href={hrefOf(`/errors/${table.error_code}`)}>{table.error_code}</a>}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {pipeline.hidden_tables > 0 && <p class="quiet">{pipelinesTexts.hidden(pipeline.hidden_tables)}</p>}
    </>
  );
}
