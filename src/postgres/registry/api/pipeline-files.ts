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
