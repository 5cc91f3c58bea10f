import type pg from 'pg';
import { type Definition, isRoutine, type SqlLayer } from './sql-layer.js';

export interface ApplyLayerOptions {
  /** Which release's files these are. */
  readonly release: string;
  /** Called before each step, with the file at work or what is done, for the message of a failure. */
  readonly onStep: (step: string) => void;
}

/**
 * Makes functions, views and triggers of the database what their files say, in one transaction: drops what has left the
 * files, gives everything to its audience. What stays keeps its OID, so views and functions of users that call ours go on.
 * @param client a superuser's session under the lock of migrations
 * @throws the errors of Postgres, 2BP01 when something of a user depends on what has left the files; nothing has changed
 */
export async function applyLayer(client: pg.Client, layer: SqlLayer, options: ApplyLayerOptions): Promise<void> {
  await client.query('begin');
  try {
    // The order of functions is that of their files: bodies are not looked at before all are there.
    await client.query('set local check_function_bodies = off; set local search_path = pg_catalog, pg_temp');
    await replaceObjects(client, layer, options.onStep);
    options.onStep('dropping what has left sql/');
    const definitions = await readIdentities(client, layer);
    await dropOthers(client, definitions);
    options.onStep('granting rights');
    await writeDefinitions(client, definitions);
    await client.query('select synced_tables_internal._install()');
    await adoptIntoExtension(client);
    await client.query('update synced_tables._schema set release = $1, layer_hash = $2', [options.release, layer.hash]);
    await client.query('commit');
  } catch (error) {
    // A session that is gone has rolled back by itself; `error` says why.
    await client.query('rollback').catch(() => {});
    throw error;
  }
}

interface Installed extends Pick<Definition, 'kind' | 'identity' | 'file' | 'audience' | 'hash'> {}

async function replaceObjects(client: pg.Client, layer: SqlLayer, onStep: (file: string) => void): Promise<void> {
  const routines = layer.routines.filter(isRoutine);
  for (const file of new Set(routines.map((routine) => routine.file))) {
    onStep(file);
    await client.query(
      routines
        .filter((routine) => routine.file === file)
        .map(({ sql }) => sql)
        .join('\n'),
    );
  }
  const unchanged = await readUnchanged(client);
  for (const kind of ['view', 'trigger'] as const) {
    for (const definition of layer.routines) {
      if (definition.kind !== kind || unchanged.has(`${kind} ${definition.identity} ${definition.hash}`)) continue;
      onStep(definition.file);
      await client.query(definition.sql);
    }
  }
}

/**
 * Views and triggers as they were applied last, as far as they are still there. Replacing one waits for everybody who
 * reads it, and makes others wait meanwhile.
 */
async function readUnchanged(client: pg.Client): Promise<ReadonlySet<string>> {
  const { rows } = await client.query<{ object: string }>(
    `select d.kind || ' ' || d.identity || ' ' || d.hash as object from synced_tables._definitions d
      where synced_tables_internal._relation_of(d.kind, d.identity) is not null
         or synced_tables_internal._trigger_of(d.kind, d.identity) is not null`,
  );
  return new Set(rows.map(({ object }) => object));
}

/** `$1` is what the files have, as JSON. */
export const IDENTITIES_SQL = `with written as (
     select * from jsonb_to_recordset($1) as w (kind text, identity text, file text, audience text, hash text)
   ), installed as (
     select w.kind, case when w.kind in ('function', 'procedure', 'aggregate') then w.identity::regprocedure::text else w.identity end as identity,
            w.file, w.audience, w.hash from written w
      where w.kind <> 'table' or synced_tables_internal._relation_of(w.kind, w.identity) is not null
   ), served as materialized (
     -- What people call in place of a served function has its audience; the served one is called by our trigger alone.
     select i.*, synced_tables_internal._write_calling_half(i.identity::regprocedure)::text as calling from installed i
      where starts_with(i.identity, 'synced_tables_served.')
   )
   select i.kind, i.identity, i.file, case when s.calling is null then i.audience else 'owner' end as audience, i.hash
     from installed i left join served s using (kind, identity)
   union all
   select s.kind, s.calling, s.file, s.audience, s.hash from served s`;

/** All that is installed, routines by the names that Postgres gives their types; calling halves are made on the way. */
async function readIdentities(client: pg.Client, layer: SqlLayer): Promise<Installed[]> {
  const written = [...layer.numbered, ...layer.routines].map(({ sql, ...definition }) => definition);
  const { rows } = await client.query<Installed>(IDENTITIES_SQL, [JSON.stringify(written)]);
  return rows;
}

/** Drops what the register has and the files have not. Tables are left: a numbered file drops them. */
async function dropOthers(client: pg.Client, definitions: readonly Installed[]): Promise<void> {
  const { rows } = await client.query<{ kind: string; identity: string; extension: string | null }>(
    `select o.kind, o.identity, (select e.extname from pg_depend p join pg_extension e on e.oid = p.refobjid
                                  where p.deptype = 'e' and p.classid = o.class and p.objid = o.oid) as extension
       from (select d.kind, d.identity,
                    case d.kind when 'view' then 'pg_class' when 'trigger' then 'pg_trigger' else 'pg_proc' end::regclass as class,
                    coalesce(synced_tables_internal._routine_of(d.kind, d.identity)::oid, synced_tables_internal._relation_of(d.kind, d.identity),
                             synced_tables_internal._trigger_of(d.kind, d.identity)) as oid
               from synced_tables._definitions d where d.kind <> 'table') o
      where o.oid is not null and not exists (select from unnest($1::text[]) kept where kept = o.kind || ' ' || o.identity)
      order by case o.kind when 'trigger' then 0 when 'view' then 1 else 2 end`,
    [definitions.map(({ kind, identity }) => `${kind} ${identity}`)],
  );
  for (const { kind, identity, extension } of rows) {
    if (extension !== null) await client.query(`alter extension ${extension} drop ${kind} ${identity}`);
  }
  for (const { identity } of rows.filter(({ kind }) => kind === 'trigger'))
    await client.query(`drop trigger ${identity}`);
  // Together, since one may depend on the other.
  for (const [word, gone] of [
    ['view', rows.filter(({ kind }) => kind === 'view')],
    ['routine', rows.filter(isRoutine)],
  ] as const) {
    if (gone.length > 0) await client.query(`drop ${word} ${gone.map(({ identity }) => identity).join(', ')}`);
  }
}

async function writeDefinitions(client: pg.Client, definitions: readonly Installed[]): Promise<void> {
  await client.query('delete from synced_tables._definitions');
  await client.query(
    `insert into synced_tables._definitions (kind, identity, file, audience, hash)
     select kind, identity, file, audience, hash
       from jsonb_to_recordset($1) as d (kind text, identity text, file text, audience text, hash text)`,
    [JSON.stringify(definitions)],
  );
}

/** What is new of the guard becomes the extension's, where there is one. */
async function adoptIntoExtension(client: pg.Client): Promise<void> {
  const { rowCount } = await client.query(`select from pg_extension where extname = 'databricks_auth'`);
  if (rowCount !== 0) await client.query('select databricks_auth.adopt_members()');
}
