import type { OnePipelineReply } from '../../../api/native/pipelines/pipeline-schema.js';
import { CopyAs } from '../../parts/copy-as.js';
import { pipelinesTexts } from './texts.js';

/** What a pipeline of flows was created from: statements, and files by name. */
export function PipelineSql({ pipeline: { spec } }: { readonly pipeline: OnePipelineReply }) {
  if (spec === null) return <p>{pipelinesTexts.noSql}</p>;
  const { sql, libraries } = spec;
  const files = Array.isArray(libraries) ? libraries.map(fileOf).filter((name) => name !== '') : [];
  return (
    <>
      {files.length > 0 && (
        <ul>
          {files.map((name) => (
            <li key={name}>
              <code>{name}</code>
            </li>
          ))}
        </ul>
      )}
      {typeof sql === 'string' && <CopyAs what={pipelinesTexts.tabs.sql} snippets={{ SQL: sql }} />}
    </>
  );
}

function fileOf(library: {
  readonly file?: { readonly path?: string };
  readonly glob?: { readonly include?: string };
}): string {
  return library.file?.path ?? library.glob?.include ?? '';
}
