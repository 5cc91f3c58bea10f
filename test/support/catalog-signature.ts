import type pg from 'pg';

/** Who has which right, from whom; the same where a list is absent and where it says what its absence means. */
const rights = (acl: string, kind: string, owner: string) =>
  `(select string_agg(format('%s%s to %s by %s', a.privilege_type, case when a.is_grantable then '*' else '' end,
                       case a.grantee when 0 then 'public' else a.grantee::regrole::text end, a.grantor::regrole), ', '
                     order by a.privilege_type, a.grantee::regrole::text, a.grantor::regrole::text)
      from aclexplode(coalesce(${acl}, acldefault('${kind}', ${owner}))) a)`;

const OURS = `n.nspname !~ '^pg_' and n.nspname <> 'information_schema'`;

/**
 * Everything that people may have in a database, as one line for each object, without OIDs: two databases whose lines are
 * equal cannot be told apart.
 */
export async function catalogSignature(client: pg.Client): Promise<string[]> {
  const { rows } = await client.query<{ line: string }>(SIGNATURE);
  return rows.map(({ line }) => line.replaceAll(/partition_\d+_[0-9a-f]{32}_\d+/g, 'partition')).sort();
}

const SIGNATURE = `
  select format('database %s', ${rights('d.datacl', 'd', 'd.datdba')}) as line from pg_database d where d.datname = current_database()
  union all select format('schema %s of %s: %s', n.nspname, n.nspowner::regrole, ${rights('n.nspacl', 'n', 'n.nspowner')})
    from pg_namespace n where ${OURS}
  union all select format('relation %s.%s %s %s of %s %s rls %s identity %s: %s', n.nspname, c.relname, c.relkind, c.relpersistence, c.relowner::regrole,
                          c.reloptions, c.relrowsecurity, c.relreplident, ${rights('c.relacl', 'r', 'c.relowner')})
    from pg_class c join pg_namespace n on n.oid = c.relnamespace where ${OURS} and c.relkind not in ('i', 'I', 't')
  union all select format('column %s.%s.%s %s %s %s %s %s %s target %s options %s acl %s', n.nspname, c.relname, a.attname,
                          row_number() over (partition by a.attrelid order by a.attnum), format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity,
                          a.attgenerated, pg_get_expr(d.adbin, d.adrelid), coalesce(nullif(a.attstattarget, -1)::text, ''), a.attoptions, a.attacl)
    from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
    left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
   where ${OURS} and a.attnum > 0 and not a.attisdropped and c.relkind not in ('i', 'I', 't')
  union all select format('constraint %s on %s: %s', k.conname, k.conrelid::regclass, pg_get_constraintdef(k.oid))
    from pg_constraint k join pg_namespace n on n.oid = k.connamespace where ${OURS} and k.contype <> 'n'
  union all select format('index %s: %s %s', n.nspname, pg_get_indexdef(x.indexrelid), x.indisvalid)
    from pg_index x join pg_class c on c.oid = x.indexrelid join pg_namespace n on n.oid = c.relnamespace where ${OURS}
  union all select format('view %s: %s', c.oid::regclass, pg_get_viewdef(c.oid))
    from pg_class c join pg_namespace n on n.oid = c.relnamespace where ${OURS} and c.relkind in ('v', 'm')
  union all select format('inherits %s from %s', i.inhrelid::regclass, i.inhparent::regclass) from pg_inherits i
  union all select format('trigger %s on %s', t.tgname, t.tgrelid::regclass) from pg_trigger t where not t.tgisinternal
  union all select format('policy %s on %s', p.polname, p.polrelid::regclass) from pg_policy p
  union all select format('rule %s on %s', r.rulename, r.ev_class::regclass)
    from pg_rewrite r join pg_class c on c.oid = r.ev_class join pg_namespace n on n.oid = c.relnamespace where ${OURS}
  union all select format('routine %s of %s: %s', p.oid::regprocedure, p.proowner::regrole, ${rights('p.proacl', 'f', 'p.proowner')})
    from pg_proc p join pg_namespace n on n.oid = p.pronamespace where ${OURS}
  union all select format('type %s.%s of %s', n.nspname, t.typname, t.typowner::regrole)
    from pg_type t join pg_namespace n on n.oid = t.typnamespace where ${OURS}
  union all select format('event trigger %s', e.evtname) from pg_event_trigger e
  union all select format('extension %s', e.extname) from pg_extension e
  union all select format('language %s: %s', l.lanname, ${rights('l.lanacl', 'l', 'l.lanowner')}) from pg_language l
  union all select format('publication %s', p.pubname) from pg_publication p
  union all select format('published %s in %s: %s where %s', r.prrelid::regclass, p.pubname, r.prattrs, pg_get_expr(r.prqual, r.prrelid))
    from pg_publication_rel r join pg_publication p on p.oid = r.prpubid
  union all select format('statistics of %s: %s', s.stxowner::regrole, pg_get_statisticsobjdef(s.oid)) from pg_statistic_ext s
  union all select format('defaults of %s in %s for %s: %s', d.defaclrole::regrole, d.defaclnamespace::regnamespace, d.defaclobjtype, d.defaclacl)
    from pg_default_acl d
  union all select format('setting %s of %s', s.setconfig, s.setrole) from pg_db_role_setting s join pg_database d on d.oid = s.setdatabase
   where d.datname = current_database()
  union all select format('comment on %s: %s', pg_describe_object(d.classoid, d.objoid, d.objsubid), d.description)
    from pg_description d where d.objoid >= 16384
  union all select format('right on %s', pg_describe_object(s.classid, s.objid, s.objsubid))
    from pg_shdepend s where s.dbid = (select oid from pg_database where datname = current_database()) and s.refobjid::regrole::text like 'databricks\\_%'`;
