import type { MeReply } from '../../../api/native/me-schema.js';
import { Choice, type SetFields, TextFilter } from '../../parts/filters.js';
import { policyWord } from '../../words/conditions.js';
import { useLastFilter } from './last-filter.js';
import { isFiltered, NO_FILTER } from './list-query.js';
import { tablesTexts } from './texts.js';

interface FilterBarProps {
  readonly query: URLSearchParams;
  readonly me: MeReply | null;
  readonly onChange: SetFields;
}

/** What narrows the list: all of it in the address. */
export function FilterBar({ query, me, onChange }: FilterBarProps) {
  const databases = [...new Set(me?.instances.flatMap(({ databases }) => databases.map(({ name }) => name)))].sort();
  const last = useLastFilter(query);
  return (
    <search class="filter-bar">
      <TextFilter name={tablesTexts.filter} value={query.get('q') ?? ''} onChange={(q) => onChange({ q })} />
      <Choice name={tablesTexts.policy} field="policy" query={query} onChange={onChange}>
        {(['SNAPSHOT', 'TRIGGERED', 'CONTINUOUS'] as const).map((policy) => ({
          value: policy,
          word: policyWord(policy),
        }))}
      </Choice>
      {databases.length > 1 && (
        <Choice name={tablesTexts.database} field="database" query={query} onChange={onChange}>
          {databases.map((value) => ({ value, word: value }))}
        </Choice>
      )}
      <Choice name={tablesTexts.kind} field="kind" query={query} onChange={onChange}>
        {(['synced', 'streaming'] as const).map((value) => ({ value, word: tablesTexts.kinds[value] }))}
      </Choice>
      {isFiltered(query) && (
        <button type="button" onClick={() => onChange(NO_FILTER)}>
          {tablesTexts.clear}
        </button>
      )}
      {last && (
        <button type="button" class="chip" onClick={() => onChange(last)}>
          {tablesTexts.lastFilter(Object.values(last).join(', '))}
        </button>
      )}
    </search>
  );
}
