import type pg from 'pg';

/**
 * Remembers what the files of a pipeline said when it was declared.
 * @param filesHash null for a pipeline without files
 */
export async function noteFiles(client: pg.ClientBase, pipelineId: string, filesHash: string | null): Promise<void> {
  await client.query('update synced_tables._pipeline_specs set files_hash = $2 where pipeline_id = $1', [
    pipelineId,
    filesHash,
  ]);
}

/** What `noteFiles` has remembered; null if nothing. */
export async function readFilesHash(client: pg.ClientBase, pipelineId: string): Promise<string | null> {
  const { rows } = await client.query<{ files_hash: string | null }>(
    'select files_hash from synced_tables._pipeline_specs where pipeline_id = $1',
    [pipelineId],
  );
  return rows[0]?.files_hash ?? null;
}

/** A pipeline of flows that was declared from files. */
interface FiledPipeline {
  readonly name: string;
  readonly createdBy: string;
  readonly spec: unknown;
  /** See `noteFiles`. */
  readonly filesHash: string;
}

/** A pipeline that was declared from files over HTTP; null for any other. */
export async function readFiledPipeline(client: pg.ClientBase, pipelineId: string): Promise<FiledPipeline | null> {
  const { rows } = await client.query<{ name: string; created_by: string; spec: unknown; files_hash: string }>(
    `select p.name, p.created_by, s.spec, s.files_hash
       from synced_tables._pipelines p join synced_tables._pipeline_specs s using (pipeline_id)
      where p.pipeline_id = $1 and s.files_hash is not null`,
    [pipelineId],
  );
  const [row] = rows;
  if (row === undefined) return null;
  const { name, created_by: createdBy, spec, files_hash: filesHash } = row;
  return { name, createdBy, spec, filesHash };
}
