import type { DoctorReply } from '../../../api/native/doctor/doctor-schema.js';
import { call } from '../../data/request.js';
import { type Act, useAct } from '../../data/use-act.js';
import { type Query, useQuery } from '../../data/use-query.js';

export const DOCTOR = '/api/2.0/synced-tables/doctor';

export type Finding = DoctorReply['findings'][number];

/** The newest findings, and how to look for them anew. */
export interface Doctor {
  readonly query: Query<DoctorReply>;
  readonly act: Act;
  readonly examine: () => void;
}

export function useDoctor(): Doctor {
  const query = useQuery<DoctorReply>(DOCTOR);
  const act = useAct();
  const examine = () => void act.run(() => call(DOCTOR, { method: 'POST' })).then(() => query.refetch());
  return { query, act, examine };
}
