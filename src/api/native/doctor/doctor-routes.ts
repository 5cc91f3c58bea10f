import type { Finding } from '../../../core/finding.js';
import type { ApiContext, ApiServer } from '../../places/api-context.js';
import type { ApiInstance } from '../../places/api-instance.js';
import type { Caller } from '../../places/caller.js';
import { monitoredInstances } from '../../places/monitored-instances.js';
import { NATIVE_PATH, NATIVE_TAGS } from '../native-path.js';
import { type DoctorReply, doctorReply } from './doctor-schema.js';
import { Examination } from './examination.js';

const DOCTOR_PATH = `${NATIVE_PATH}/doctor`;
const tags = NATIVE_TAGS;

/** What keeps tables from being synced, as `synced-tables doctor` finds it. */
export function addDoctorRoutes(server: ApiServer, context: ApiContext): void {
  const examination = new Examination(context.examine);
  server.get(
    DOCTOR_PATH,
    { schema: { tags, summary: 'What the newest examination by this sidecar found', response: { 200: doctorReply } } },
    async ({ caller }) => show(context, caller, examination),
  );
  server.post(
    DOCTOR_PATH,
    {
      schema: {
        tags,
        summary: 'Examine everything that the settings refer to, at most once a minute; changes nothing',
        response: { 200: doctorReply },
      },
    },
    async ({ caller }) => {
      await monitoredInstances(context, caller);
      await examination.run();
      return show(context, caller, examination);
    },
  );
}

const RANKS = { error: 0, warning: 1, hint: 2, ok: 3 } as const;

async function show(context: ApiContext, caller: Caller, examination: Examination): Promise<DoctorReply> {
  const instances = await monitoredInstances(context, caller);
  const { newest } = examination;
  const findings = (newest?.findings ?? [])
    .filter((finding) => concerns(finding, context, instances))
    .toSorted((a, b) => RANKS[a.severity] - RANKS[b.severity]);
  return {
    findings,
    started_at: newest?.startedAt.toISOString() ?? null,
    finished_at: newest?.finishedAt.toISOString() ?? null,
    is_running: examination.isRunning,
    wait_seconds: examination.waitSeconds,
  };
}

/** Findings about instances are for those who may watch them; what is of the machine is for all of these. */
function concerns({ subject }: Finding, { instances }: ApiContext, monitored: readonly ApiInstance[]): boolean {
  const isAbout = ({ name }: ApiInstance) => subject === name || subject.startsWith(`${name}/`);
  return monitored.some(isAbout) || !instances.all().some(isAbout);
}
