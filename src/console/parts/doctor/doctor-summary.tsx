import { hrefOf } from '../../app/places.js';
import { Loaded } from '../loaded.js';
import { Skeleton } from '../skeleton.js';
import { DoctorRun } from './doctor-run.js';
import { FindingList } from './finding-list.js';
import { doctorTexts } from './texts.js';
import { useDoctor } from './use-doctor.js';
import './doctor.css';

/** What is not well, with the way to everything that was examined. */
export function DoctorSummary() {
  const doctor = useDoctor();
  return (
    <section aria-labelledby="doctor">
      <h2 id="doctor">{doctorTexts.title}</h2>
      <Loaded query={doctor.query} what={doctorTexts.what} skeleton={<Skeleton rows={3} />}>
        {(reply) => {
          const bad = reply.findings.filter(({ severity }) => severity !== 'ok');
          const well = reply.findings.length - bad.length;
          return (
            <>
              <DoctorRun reply={reply} doctor={doctor} />
              {reply.finished_at === null ? (
                <p>
                  {doctorTexts.never} {doctorTexts.neverWhy}
                </p>
              ) : (
                <>
                  {bad.length === 0 && <p>{doctorTexts.allWell}</p>}
                  <FindingList findings={bad} level={3} label={doctorTexts.found} />
                  <p>
                    {doctorTexts.well(well)}. <a href={hrefOf('/doctor')}>{doctorTexts.show}</a>
                  </p>
                </>
              )}
            </>
          );
        }}
      </Loaded>
    </section>
  );
}
