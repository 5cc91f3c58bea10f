import { countOf } from '../../../core/count-of.js';
import type { SourceReport } from '../../../sync/source/describe-source.js';
import { duplicateKeyWarning, nullKeyWarning, nulWarnings } from '../../../sync/source/preview-warnings.js';
import { type Findings, previewFinding } from './log-findings.js';
import type { VersionedRows } from './preview-job.js';
import type { PreviewInput } from './preview-schema.js';

/** Of the columns that rows can be put in order by, so many are proposed. */
const TIMESERIES_PROPOSED_MAX = 5;

/** What the rows of a source say about a create request. */
export function findInRows(report: SourceReport, input: PreviewInput, rows: VersionedRows): Findings {
  const { stops, warnings, hints }: Findings = { stops: [], warnings: [], hints: [] };
  for (const [place, warning] of nulWarnings(report.name, rows).entries()) {
    const columns = [rows.nulColumns[place]?.column ?? ''];
    if (input.invalid_characters === 'strip') hints.push(previewFinding(warning, { columns }));
    else stops.push(previewFinding(warning, { columns, ways_out: [{ invalid_characters: 'strip' }] }));
  }
  if (rows.tooLarge) hints.push(previewFinding(rows.tooLarge));
  const { primaryKey: key, tiedKeys } = rows;
  if (key === null) return { stops, warnings, hints };
  const columns = [...key.columns];
  const leftOut = nullKeyWarning(report.name, key);
  if (leftOut) warnings.push(previewFinding(leftOut, { columns }));
  const doubled = duplicateKeyWarning(report.name, key);
  if (doubled && tiedKeys === null) {
    const ways_out = timeseriesColumns(report, columns).map((name) => ({ timeseries_key: name }));
    stops.push(previewFinding(doubled, { columns, ways_out }));
  } else if (doubled && tiedKeys === 0n) {
    const message = `${countOf(key.duplicateKeys, 'key')} of source table ${report.name} occur in several rows: of each, the row with the greatest ${input.timeseries_key} is kept.`;
    hints.push({ ...previewFinding(doubled, { columns }), message, field: 'timeseries_key' });
  } else if (doubled) {
    const message = `${countOf(tiedKeys ?? 0n, 'key')} of source table ${report.name} occur in several rows with the greatest ${input.timeseries_key} of that key.`;
    stops.push({ ...previewFinding(doubled, { columns }), message, field: 'timeseries_key' });
  }
  return { stops, warnings, hints };
}

/** Columns that may tell which row of a key is the latest, times first. */
function timeseriesColumns({ columns }: SourceReport, key: readonly string[]): string[] {
  const possible = columns.filter(({ name, canBeKey }) => canBeKey && !key.includes(name));
  const isTime = (type: string) => type.startsWith('timestamp') || type === 'date';
  const isNumber = (type: string) => /^(long|integer|short|decimal)/.test(type);
  const ranked = [
    ...possible.filter(({ sourceType }) => isTime(sourceType)),
    ...possible.filter(({ sourceType }) => isNumber(sourceType)),
  ];
  return ranked.slice(0, TIMESERIES_PROPOSED_MAX).map(({ name }) => name);
}
