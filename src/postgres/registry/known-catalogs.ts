/**
 * Whether a sidecar takes updates of a pipeline: it has its catalogs in its settings, or some of them where no sidecar that
 * runs has all. Those without a list take anything.
 * @param pipeline alias of synced_tables._pipelines
 * @param holder SQL of the sidecar's id
 */
export function isTakenBy(pipeline: string, holder: string): string {
  const own = `(select o.catalogs from synced_tables._sidecars o where o.holder = ${holder})`;
  const others = `select from synced_tables._sidecars k
                   where k.serves_all and k.expires_at >= statement_timestamp() and coalesce(${pipeline}.catalogs <@ k.catalogs, true)`;
  return `(coalesce(${pipeline}.catalogs <@ ${own}, true) or ${pipeline}.catalogs && ${own} and not exists (${others}))`;
}
