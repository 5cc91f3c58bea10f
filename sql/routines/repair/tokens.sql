-- Tokens after a restore or a role rename.

-- for: owner
create or replace function synced_tables_internal._repair_tokens() returns table (object text, outcome text)
language plpgsql set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_column
declare
  here constant text := databricks_auth.place();
  token synced_tables._tokens;
  name_now name;
begin
  for token in
    select t.* from synced_tables._tokens t
     where t.revoked_at is null and (t.place <> here or not exists (select from pg_roles r where r.oid = t.role_oid and r.rolname = t.role_name))
     order by t.created_at
  loop
    object := format('token %s of %I', token.token_id, token.role_name);
    -- In the same cluster the OID is right and the name may be outdated; elsewhere only the name is meaningful.
    name_now := case when split_part(token.place, '/', 1) = split_part(here, '/', 1) then (select r.rolname from pg_roles r where r.oid = token.role_oid)
                     else token.role_name end;
    if name_now is null then
      update synced_tables._tokens t set revoked_at = now() where t.token_id = token.token_id;
      outcome := 'revoked: the role is gone';
    elsif to_regrole(quote_ident(name_now)) is null then
      outcome := 'waits: no such role here; create it and repair again';
    elsif synced_tables_internal._token_role_refusal(name_now, current_user) is not null then
      outcome := 'refused: ' || synced_tables_internal._token_role_refusal(name_now, current_user);
    else
      if token.made_grant and not exists (select from pg_auth_members m where m.roleid = to_regrole(quote_ident(name_now)) and m.member = 'databricks_gateway'::regrole) then
        perform synced_tables_internal._lend_to_gateway(name_now);
      end if;
      update synced_tables._tokens t set role_name = name_now, role_oid = to_regrole(quote_ident(name_now)), place = here where t.token_id = token.token_id;
      outcome := format('bound to role %I', name_now);
    end if;
    return next;
  end loop;
end $$;
comment on function synced_tables_internal._repair_tokens() is
  'Binds tokens of the HTTP API to the roles of this cluster, including renamed ones.';
