import { hrefOf } from '../../app/places.js';
import { Copy } from '../copy.js';
import { Icon } from '../icon.js';
import { doctorTexts } from './texts.js';
import type { Finding } from './use-doctor.js';

const LOOKS = {
  error: { icon: 'octagon', group: 'fail' },
  warning: { icon: 'triangle', group: 'warn' },
  hint: { icon: 'diamond', group: 'wait' },
  ok: { icon: 'check', group: 'ok' },
} as const;

interface FindingListProps {
  readonly findings: readonly Finding[];
  /** Of the headings. */
  readonly level: 2 | 3;
  /** What they have in common: the same subjects may have other findings on the page. */
  readonly label: string;
}

/** Findings, grouped by what they are about. */
export function FindingList({ findings, level, label }: FindingListProps) {
  const Heading = level === 2 ? 'h2' : 'h3';
  const subjects = [...new Set(findings.map(({ subject }) => subject))];
  return (
    <>
      {subjects.map((subject) => (
        <section key={subject} class="findings" aria-label={`${label}: ${subject}`}>
          <Heading>{subject}</Heading>
          <ul>
            {findings
              .filter((finding) => finding.subject === subject)
              .map((finding) => (
                <FindingItem key={`${finding.code} ${finding.message}`} finding={finding} />
              ))}
          </ul>
        </section>
      ))}
    </>
  );
}

/** A statement of a remedy, which people copy. */
const STATEMENT = /\b(?:SELECT|ALTER|GRANT|REVOKE|CREATE|DROP|REINDEX|VACUUM)\b[^;]*;/;

function FindingItem({ finding: { severity, code, message, remedy } }: { readonly finding: Finding }) {
  const { icon, group } = LOOKS[severity];
  const statement = STATEMENT.exec(remedy ?? '')?.[0];
  return (
    <li class="finding">
      <p>
        <span class={`state group-${group}`}>
          <Icon name={icon} />
          <span>{doctorTexts.severities[severity]}</span>
        </span>{' '}
        {message} {severity !== 'ok' && <a href={hrefOf(`/errors/${code}`)}>{code}</a>}
      </p>
      {remedy !== null && (
        <p>
          <strong>{doctorTexts.remedy}</strong> {remedy}
          {statement && <Copy text={statement} what={doctorTexts.statement} />}
        </p>
      )}
    </li>
  );
}
