import type { DoctorReply } from '../../../api/native/doctor/doctor-schema.js';
import type { TableSummary } from '../../../api/native/tables/table-summary-schema.js';
import { hrefOf } from '../../app/places.js';
import { useMe } from '../../data/me.js';
import { useQuery } from '../../data/use-query.js';
import { FindingList } from '../../parts/doctor/finding-list.js';
import { doctorTexts } from '../../parts/doctor/texts.js';
import { DOCTOR } from '../../parts/doctor/use-doctor.js';
import { Ago } from '../../parts/time.js';
import { tableTexts } from './texts.js';
import '../../parts/doctor/doctor.css';

/**
 * Errors and warnings that the doctor has found about a table, for those who may ask it; nothing where there is none. The
 * error of its last update stands on the page anyway.
 */
export function TableFindings({ table }: { readonly table: TableSummary }) {
  const { data: me } = useMe();
  const { data } = useQuery<DoctorReply>(me?.may.monitor === true ? DOCTOR : null, { isLive: false });
  const subject = `${table.instance}/${table.database} ${table.sql_name}`;
  const found = (data?.findings ?? []).filter(
    ({ code, ...finding }) =>
      finding.subject === subject &&
      code !== table.error?.code &&
      (finding.severity === 'error' || finding.severity === 'warning'),
  );
  if (data === undefined || data.finished_at === null || found.length === 0) return null;
  return (
    <section class="box box-warn" aria-label={tableTexts.findings}>
      <p class="quiet">
        {tableTexts.findings}, <Ago time={data.finished_at} />. <a href={hrefOf('/doctor')}>{doctorTexts.show}</a>
      </p>
      <FindingList findings={found} level={2} label={tableTexts.findings} />
    </section>
  );
}
