import { useQuery } from '../../data/use-query.js';
import { Loaded } from '../../parts/loaded.js';
import { Skeleton } from '../../parts/skeleton.js';
import { databasesTexts } from './texts.js';

interface RoleList {
  readonly database_instance_roles: readonly {
    readonly name: string;
    readonly identity_type: keyof typeof databasesTexts.roleKinds;
    readonly membership_role?: string;
  }[];
}

/** The Postgres roles of an instance that people and programs use. */
export function InstanceRoles({ instance }: { readonly instance: string }) {
  const path = `/api/2.0/database/instances/${encodeURIComponent(instance)}/roles`;
  const query = useQuery<RoleList>(path, { isLive: false });
  const { roleColumns } = databasesTexts;
  return (
    <section aria-labelledby="roles">
      <h2 id="roles">{databasesTexts.roles}</h2>
      <Loaded query={query} what={databasesTexts.whatRoles} skeleton={<Skeleton rows={3} />}>
        {({ database_instance_roles: roles }) =>
          roles.length === 0 ? (
            <p>{databasesTexts.noRoles}</p>
          ) : (
            <table class="list databases">
              <thead>
                <tr>
                  {Object.entries(roleColumns).map(([name, word]) => (
                    <th key={name} scope="col">
                      {word}
                    </th>
                  ))}
                </tr>
              </thead>
              <tbody>
                {roles.map((role) => (
                  <tr key={role.name}>
                    <td>{role.name}</td>
                    <td>{databasesTexts.roleKinds[role.identity_type]}</td>
                    <td>
                      <span class="card-word">{roleColumns.member} </span>
                      {role.membership_role === undefined ? databasesTexts.no : databasesTexts.yes}
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          )
        }
      </Loaded>
    </section>
  );
}
