import type { DoctorReply } from '../../../api/native/doctor/doctor-schema.js';
import { serverUrl } from '../../app/places.js';
import { setQuery, usePlace } from '../../app/router.js';
import { CopyAs } from '../../parts/copy-as.js';
import { DoctorRun } from '../../parts/doctor/doctor-run.js';
import { FindingList } from '../../parts/doctor/finding-list.js';
import { doctorTexts } from '../../parts/doctor/texts.js';
import { DOCTOR, type Doctor, useDoctor } from '../../parts/doctor/use-doctor.js';
import { Choice } from '../../parts/filters.js';
import { Loaded } from '../../parts/loaded.js';
import { Page } from '../../parts/page.js';
import { Skeleton } from '../../parts/skeleton.js';
import { callSnippets } from '../../words/quoting.js';
import '../../parts/doctor/doctor.css';

const SEVERITIES = ['error', 'warning', 'hint', 'ok'] as const;

/** Everything that the doctor examined, the worst first. */
export function Screen() {
  const doctor = useDoctor();
  return (
    <Page title={doctorTexts.title}>
      <Loaded query={doctor.query} what={doctorTexts.what} skeleton={<Skeleton rows={8} />}>
        {(reply) => <Findings reply={reply} doctor={doctor} />}
      </Loaded>
      <footer class="list-foot">
        <details>
          <summary>{doctorTexts.elsewhere}</summary>
          <CopyAs
            what={doctorTexts.title}
            snippets={{ CLI: 'synced-tables doctor', ...callSnippets(serverUrl, { method: 'POST', path: DOCTOR }) }}
          />
        </details>
      </footer>
    </Page>
  );
}

function Findings({ reply, doctor }: { readonly reply: DoctorReply; readonly doctor: Doctor }) {
  const { query } = usePlace();
  const [severity, code] = [query.get('severity'), query.get('code')];
  const fitting = reply.findings.filter(
    (finding) => (severity === null || finding.severity === severity) && (code === null || finding.code === code),
  );
  const isFiltered = severity !== null || code !== null;
  const bad = fitting.filter((finding) => finding.severity !== 'ok');
  const well = fitting.filter((finding) => finding.severity === 'ok');
  const codes = [...new Set(reply.findings.filter((finding) => finding.severity !== 'ok').map((each) => each.code))];
  return (
    <>
      <DoctorRun reply={reply} doctor={doctor} />
      {reply.finished_at === null ? (
        <section class="empty">
          <h2>{doctorTexts.never}</h2>
          <p>{doctorTexts.neverWhy}</p>
        </section>
      ) : (
        <>
          <search class="filter-bar">
            <Choice name={doctorTexts.severity} field="severity" query={query} onChange={setQuery}>
              {SEVERITIES.map((value) => ({ value, word: doctorTexts.severities[value] }))}
            </Choice>
            {codes.length > 0 && (
              <Choice name={doctorTexts.code} field="code" query={query} onChange={setQuery}>
                {codes.map((value) => ({ value, word: value }))}
              </Choice>
            )}
            {isFiltered && (
              <button type="button" onClick={() => setQuery({ severity: null, code: null })}>
                {doctorTexts.clear}
              </button>
            )}
          </search>
          {bad.length === 0 && <p>{isFiltered ? doctorTexts.noMatch : doctorTexts.allWell}</p>}
          <FindingList findings={bad} level={2} label={doctorTexts.found} />
          {well.length > 0 && (
            <details open={severity === 'ok'}>
              <summary>{doctorTexts.well(well.length)}</summary>
              <FindingList findings={well} level={2} label={doctorTexts.severities.ok} />
            </details>
          )}
        </>
      )}
    </>
  );
}
