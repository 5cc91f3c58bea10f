import { useEffect, useState } from 'preact/hooks';
import type { DoctorReply } from '../../../api/native/doctor/doctor-schema.js';
import { ActError } from '../act-error.js';
import { ActionButton } from '../action-button.js';
import { Ago } from '../time.js';
import { doctorTexts } from './texts.js';
import type { Doctor } from './use-doctor.js';

/** When the doctor ran, and the button that makes it run. */
export function DoctorRun({ reply, doctor }: { readonly reply: DoctorReply; readonly doctor: Doctor }) {
  const waitSeconds = useCountdown(reply.wait_seconds, reply);
  const { finished_at: finishedAt } = reply;
  const isBusy = doctor.act.isBusy || reply.is_running;
  return (
    <>
      <p class="doctor-run">
        {finishedAt !== null && (
          <span>
            {doctorTexts.ran} <Ago time={finishedAt} />
          </span>
        )}
        <ActionButton
          isBusy={isBusy}
          refusal={waitSeconds > 0 && !isBusy ? doctorTexts.wait(waitSeconds) : null}
          onClick={doctor.examine}
        >
          {isBusy ? doctorTexts.running : finishedAt === null ? doctorTexts.runFirst : doctorTexts.run}
        </ActionButton>
        {waitSeconds > 0 && !isBusy && <span class="quiet">{doctorTexts.wait(waitSeconds)}</span>}
      </p>
      <ActError error={doctor.act.error} />
    </>
  );
}

/** Seconds that are left, counted down here. */
function useCountdown(seconds: number, since: unknown): number {
  const [left, setLeft] = useState(seconds);
  useEffect(() => {
    const end = Date.now() + seconds * 1000;
    setLeft(seconds);
    const timer = setInterval(() => setLeft(Math.max(0, Math.ceil((end - Date.now()) / 1000))), 1000);
    return () => clearInterval(timer);
  }, [since]);
  return left;
}
