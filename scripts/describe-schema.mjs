#!/usr/bin/env node
import { pathToFileURL } from 'node:url';
import pg from 'pg';

// The SQL side of a database as one text, in a fixed order and without anything that differs between two databases of
// the same schema: if two such texts differ, so do the catalogs.
//
//   node scripts/describe-schema.mjs postgres://…/database [--bodies]

const SCHEMAS = ['databricks_auth', 'synced_tables', 'synced_tables_internal', 'synced_tables_served', '__db_system'];

/** Rights on one object: `role=privileges` ordered by role, without the owner's own and a superuser's name. */
const rights = (acl, owner, kind) => `
  (select coalesce(string_agg(line, ', ' order by line), '')
     from (select format('%s: %s', case when a.grantee = 0 then 'public' else pg_get_userbyid(a.grantee) end,
                         string_agg(a.privilege_type || case when a.is_grantable then '*' else '' end, ' ' order by a.privilege_type)) as line
             from aclexplode(coalesce(${acl}, acldefault('${kind}', ${owner}))) a
            where a.grantee <> ${owner} group by a.grantee) r)`;

const owner = (column) =>
  `case when (select r.rolsuper from pg_roles r where r.oid = ${column}) then '' else ' owner ' || pg_get_userbyid(${column}) end`;

const inSchemas = (column) => `${column} in (select n.oid from pg_namespace n where n.nspname = any ($1))`;

const comment = (expression) => `coalesce(E'\\n  -- ' || ${expression}, '')`;

/** Our functions, including those in schema public, where Lakebase has its helpers for creating roles. */
const ours = `(${inSchemas('p.pronamespace')} or p.pronamespace = 'public'::regnamespace and p.proname like 'databricks\\_%')`;
const ourRelations = `(${inSchemas('c.relnamespace')} or c.relnamespace = 'public'::regnamespace and c.relname like 'databricks\\_%')`;

const SECTIONS = [
  [
    'roles',
    `select format('role %s%s%s', r.rolname, case when r.rolcanlogin then ' login' else '' end, case when r.rolinherit then '' else ' noinherit' end)
            || coalesce(' in ' || (select string_agg(pg_get_userbyid(m.roleid), ', ' order by pg_get_userbyid(m.roleid)) from pg_auth_members m
                                    where m.member = r.oid and pg_get_userbyid(m.roleid) ~ case r.rolname
                                            when 'databricks_gateway' then '^pg_' -- the others are of tokens of any database
                                            else '^(pg_|databricks_(superuser|sync|gateway)$)' end), '')
            || ${comment(`shobj_description(r.oid, 'pg_authid')`)} as line
       from pg_roles r where r.rolname in ('databricks_superuser', 'databricks_sync', 'databricks_gateway') and $1::text[] is not null order by r.rolname`,
  ],
  [
    'schemas',
    `select format('schema %s%s [%s]', n.nspname, ${owner('n.nspowner')}, ${rights('n.nspacl', 'n.nspowner', 'n')})
            || ${comment(`obj_description(n.oid, 'pg_namespace')`)} as line
       from pg_namespace n where n.nspname = any ($1) order by n.nspname`,
  ],
  [
    'tables and views',
    `select format('%s %s.%s%s%s%s [%s]', case c.relkind when 'v' then 'view' when 'r' then 'table' else c.relkind::text end, n.nspname, c.relname,
                   ${owner('c.relowner')}, case when c.relrowsecurity then ' row security' else '' end,
                   coalesce(' with (' || array_to_string(c.reloptions, ', ') || ')', ''), ${rights('c.relacl', 'c.relowner', 'r')})
            || ${comment(`obj_description(c.oid, 'pg_class')`)}
            || coalesce((select string_agg(E'\\n    ' || a.attname || ' ' || format_type(a.atttypid, a.atttypmod)
                    || case when a.attnotnull then ' not null' else '' end
                    || coalesce(case a.attgenerated when '' then ' default ' else ' generated ' end || pg_get_expr(d.adbin, d.adrelid), '')
                    || case a.attidentity when '' then '' else ' identity ' || a.attidentity::text end
                    || case when a.attacl is null then '' else format(' [%s]', ${rights('a.attacl', 'c.relowner', 'c')}) end
                    || coalesce(E'\\n      -- ' || col_description(c.oid, a.attnum), ''), '' order by a.attnum)
                  from pg_attribute a left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
                 where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped), '')
            || coalesce((select string_agg(E'\\n    constraint ' || k.conname || ' ' || pg_get_constraintdef(k.oid), '' order by k.conname)
                  from pg_constraint k where k.conrelid = c.oid and k.contype <> 'n'), '')
            || coalesce((select string_agg(E'\\n    ' || pg_get_indexdef(i.indexrelid), '' order by i.indexrelid::regclass::text)
                  from pg_index i where i.indrelid = c.oid and not exists (select from pg_constraint k where k.conindid = i.indexrelid and k.conrelid = c.oid)), '')
            || coalesce((select string_agg(format(E'\\n    policy %s for %s to %s using %s check %s', o.polname, o.polcmd,
                    (select string_agg(case when r = 0 then 'public' else pg_get_userbyid(r) end, ', ') from unnest(o.polroles) r),
                    pg_get_expr(o.polqual, o.polrelid), coalesce(pg_get_expr(o.polwithcheck, o.polrelid), 'none')), '' order by o.polname)
                  from pg_policy o where o.polrelid = c.oid), '')
            || coalesce((select string_agg(E'\\n    ' || pg_get_triggerdef(t.oid) || ' (' || t.tgenabled::text || ')', '' order by t.tgname)
                  from pg_trigger t where t.tgrelid = c.oid and not t.tgisinternal), '')
            || case when c.relkind = 'v' then E'\\n  as\\n' || pg_get_viewdef(c.oid) else '' end as line
       from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where ${ourRelations} and c.relkind in ('r', 'v', 'p', 'S', 'm') order by n.nspname, c.relname`,
  ],
  [
    'functions',
    `select format('%s %s.%s(%s)%s%s%s%s%s%s%s [%s]', case p.prokind when 'p' then 'procedure' else 'function' end, n.nspname, p.proname,
                   pg_get_function_arguments(p.oid), coalesce(' returns ' || pg_get_function_result(p.oid), ''), ' ' || l.lanname,
                   case p.provolatile when 'i' then ' immutable' when 's' then ' stable' else '' end,
                   case when p.prosecdef then ' security definer' else '' end, case when p.proisstrict then ' strict' else '' end,
                   coalesce(' set ' || array_to_string(p.proconfig, ' set '), ''), ${owner('p.proowner')},
                   ${rights('p.proacl', 'p.proowner', 'f')})
            || ${comment(`obj_description(p.oid, 'pg_proc')`)}
            || case when $2 then E'\\n' || p.prosrc else '' end as line
       from pg_proc p join pg_namespace n on n.oid = p.pronamespace join pg_language l on l.oid = p.prolang
      where ${ours} and $2 is not null order by n.nspname, p.proname, pg_get_function_identity_arguments(p.oid)`,
  ],
  [
    'event triggers',
    `select format('event trigger %s on %s%s execute %s (%s)', e.evtname, e.evtevent,
                   coalesce(' when tag in (' || array_to_string(e.evttags, ', ') || ')', ''), e.evtfoid::regprocedure, e.evtenabled)
            || ${comment(`obj_description(e.oid, 'pg_event_trigger')`)} as line
       from pg_event_trigger e where $1::text[] is not null order by e.evtname`,
  ],
];

/**
 * Describes what the migrations and routines created in the database of `client`.
 * @param {pg.Client} client a superuser's session
 * @param {{ bodies?: boolean }} [options] whether to include the bodies of functions
 * @returns {Promise<string>}
 */
export async function describeSchema(client, { bodies = false } = {}) {
  const { rows } = await client.query(`select current_setting('search_path') as path`);
  await client.query('set search_path = pg_catalog');
  try {
    const parts = [];
    for (const [title, sql] of SECTIONS) {
      const parameters = sql.includes('$2') ? [SCHEMAS, bodies] : [SCHEMAS];
      const { rows: lines } = await client.query(sql, parameters);
      parts.push(`-- ${title}\n\n${lines.map(({ line }) => line).join('\n')}\n`);
    }
    return parts.join('\n');
  } finally {
    await client.query(`select set_config('search_path', $1, false)`, [rows[0].path]);
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const [url, option] = process.argv.slice(2);
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    process.stdout.write(await describeSchema(client, { bodies: option === '--bodies' }));
  } finally {
    await client.end();
  }
}
