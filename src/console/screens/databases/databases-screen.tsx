import type { DatabasesReply } from '../../../api/native/databases/database-schema.js';
import { hrefOf, serverUrl } from '../../app/places.js';
import type { ScreenProps } from '../../app/screen-props.js';
import { useQuery } from '../../data/use-query.js';
import { CopyAs } from '../../parts/copy-as.js';
import { DoctorSummary } from '../../parts/doctor/doctor-summary.js';
import { Icon } from '../../parts/icon.js';
import { Loaded } from '../../parts/loaded.js';
import { Page } from '../../parts/page.js';
import { Skeleton } from '../../parts/skeleton.js';
import { callSnippets } from '../../words/quoting.js';
import { DatabaseRow } from './database-row.js';
import { InstanceRoles } from './instance-roles.js';
import { databasesTexts } from './texts.js';
import './databases.css';
import { ListHead } from '../../parts/list-head.js';

const DATABASES = '/api/2.0/synced-tables/databases';

type Instance = DatabasesReply['instances'][number];

/** Servers and databases, or one of them: whether the machinery itself is well. */
export function Screen({ params }: ScreenProps) {
  const { instance: instanceName, database } = params;
  const query = useQuery<DatabasesReply>(DATABASES, { hints: ['update:', 'pipeline:'] });
  return (
    <Page title={databasesTexts.title}>
      <Loaded query={query} what={databasesTexts.what} skeleton={<Skeleton rows={3} tall />}>
        {({ instances }) => (
          <>
            {chosen(instances, instanceName, database).map((instance) => (
              <InstanceBox key={instance.name} instance={instance} />
            ))}
            {instanceName !== undefined && (
              <>
                <InstanceRoles instance={instanceName} />
                <p>
                  <a href={hrefOf('/databases')}>{databasesTexts.all}</a>
                </p>
              </>
            )}
            <DoctorSummary />
            <footer class="list-foot">
              <details>
                <summary>{databasesTexts.elsewhere}</summary>
                <CopyAs
                  what={databasesTexts.thisPage}
                  snippets={callSnippets(serverUrl, { method: 'GET', path: DATABASES })}
                />
              </details>
            </footer>
          </>
        )}
      </Loaded>
    </Page>
  );
}

/** Those that the address names; all without names. */
function chosen(instances: readonly Instance[], name: string | undefined, database: string | undefined): Instance[] {
  return instances
    .filter((instance) => name === undefined || instance.name === name)
    .map((instance) => ({
      ...instance,
      databases: instance.databases.filter((each) => database === undefined || each.name === database),
    }));
}

function InstanceBox({ instance }: { readonly instance: Instance }) {
  const isUp = instance.state === 'AVAILABLE';
  const place = `${instance.host}:${instance.port}`;
  return (
    <section class="box" aria-labelledby={`instance-${instance.name}`}>
      <div class="box-head">
        <h2 id={`instance-${instance.name}`}>
          <a href={hrefOf(`/databases/${encodeURIComponent(instance.name)}`)}>{instance.name}</a>
        </h2>
        <span class={`state group-${isUp ? 'ok' : 'fail'}`}>
          <Icon name={isUp ? 'check' : 'octagon'} />
          <span>{isUp ? databasesTexts.available : databasesTexts.stopped}</span>
        </span>
      </div>
      <p class="quiet">
        {instance.pg_version === null ? databasesTexts.at(place) : databasesTexts.postgres(instance.pg_version, place)}
        {instance.creator !== null && `, ${databasesTexts.creator(instance.creator)}`}
      </p>
      {instance.problem && (
        <p>
          {instance.problem.message} {instance.problem.remedy}{' '}
          <a href={hrefOf(`/errors/${instance.problem.error_code}`)}>{instance.problem.error_code}</a>
        </p>
      )}
      {instance.databases.length > 0 && (
        <table class="list databases">
          <ListHead columns={databasesTexts.columns} />
          <tbody>
            {instance.databases.map((database) => (
              <DatabaseRow key={database.name} instance={instance.name} database={database} />
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}
