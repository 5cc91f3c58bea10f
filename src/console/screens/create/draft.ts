// What people fill in, which stands in the address as a whole, so that it survives a reload and can be handed on.

export type Policy = 'SNAPSHOT' | 'TRIGGERED' | 'CONTINUOUS';

/** Empty texts and lists: not filled in. */
export interface Draft {
  readonly source: string;
  /** catalog.schema.table */
  readonly target: string;
  readonly instance: string;
  readonly key: readonly string[];
  readonly timeseries: string;
  /** Columns of the source; empty for all. */
  readonly chosen: readonly string[];
  readonly filter: string;
  readonly policy: Policy | '';
  readonly fileDiff: boolean;
  readonly strip: boolean;
  readonly cron: string;
  readonly zone: string;
  readonly refresh: boolean;
  readonly pipeline: string;
  readonly together: boolean;
  readonly accelerated: boolean;
  /** JSON arrays, as the call takes them. */
  readonly overrides: string;
  readonly columns: string;
  readonly indexes: string;
}

export const EMPTY_DRAFT: Draft = {
  source: '',
  target: '',
  instance: '',
  key: [],
  timeseries: '',
  chosen: [],
  filter: '',
  policy: '',
  fileDiff: false,
  strip: false,
  cron: '',
  zone: '',
  refresh: false,
  pipeline: '',
  together: false,
  accelerated: false,
  overrides: '',
  columns: '',
  indexes: '',
};

const POLICIES: readonly string[] = ['SNAPSHOT', 'TRIGGERED', 'CONTINUOUS'];

/** Fields of the address; a value that cannot be is as good as none. */
export function readDraft(query: URLSearchParams): Draft {
  const text = (name: string) => query.get(name) ?? '';
  const policy = text('policy');
  return {
    source: text('source'),
    target: text('target'),
    instance: text('instance'),
    key: query.getAll('key').filter((column) => column !== ''),
    timeseries: text('timeseries'),
    chosen: query.getAll('chosen').filter((column) => column !== ''),
    filter: text('filter'),
    policy: POLICIES.includes(policy) ? (policy as Policy) : '',
    fileDiff: text('fileDiff') === '1',
    strip: text('strip') === '1',
    cron: text('cron'),
    zone: text('zone'),
    refresh: text('refresh') === '1',
    pipeline: text('pipeline'),
    together: text('together') === '1',
    accelerated: text('accelerated') === '1',
    overrides: text('overrides'),
    columns: text('columns'),
    indexes: text('indexes'),
  };
}

export function writeDraft(draft: Draft): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(draft) as [string, Draft[keyof Draft]][]) {
    if (typeof value === 'boolean') {
      if (value) query.set(name, '1');
    } else if (typeof value === 'string') {
      if (value !== '') query.set(name, value);
    } else for (const item of value) query.append(name, item);
  }
  return query.toString();
}

/** The fields of the call that were filled in; the rest is left to its defaults. */
export function bodyOf(draft: Draft): Record<string, unknown> {
  const { overrides, columns, indexes } = draft;
  return {
    ...(draft.target === '' ? {} : { name: draft.target }),
    ...(draft.instance === '' ? {} : { instance: draft.instance }),
    source_table_full_name: draft.source,
    primary_key_columns: draft.key,
    ...(draft.policy === '' ? {} : { scheduling_policy: draft.policy }),
    ...(draft.timeseries === '' ? {} : { timeseries_key: draft.timeseries }),
    ...(draft.chosen.length === 0 ? {} : { columns: [...new Set([...draft.key, ...draft.chosen])] }),
    ...(draft.filter.trim() === '' ? {} : { row_filter: draft.filter }),
    ...(draft.strip ? { invalid_characters: 'strip' } : {}),
    ...(draft.fileDiff ? { allow_file_diff: true } : {}),
    ...(draft.refresh ? { on_history_gap: 'refresh' } : {}),
    ...(draft.pipeline === '' ? {} : { existing_pipeline_id: draft.pipeline }),
    ...(draft.together ? { publish: 'together' } : {}),
    ...(draft.accelerated ? { accelerated_sync: true } : {}),
    ...jsonField('type_overrides', overrides),
    ...jsonField('extra_columns', columns),
    ...jsonField('extra_index_definitions', indexes),
    ...(draft.cron === '' || draft.policy === 'CONTINUOUS'
      ? {}
      : { schedule: { cron: draft.cron, ...(draft.zone === '' ? {} : { time_zone: draft.zone }) } }),
  };
}

function jsonField(name: string, text: string): Record<string, unknown> {
  const list = parseList(text);
  return list === null || list.length === 0 ? {} : { [name]: list };
}

/** A JSON array; null for anything else, such as one that is still being typed. */
export function parseList(text: string): readonly unknown[] | null {
  if (text.trim() === '') return [];
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) ? value : null;
  } catch {
    return null;
  }
}

/** The change of a draft that a way out asks for; null if the form has no such field. */
export function changeFor(way: Readonly<Record<string, unknown>>): Partial<Draft> | null {
  const [field, value] = Object.entries(way)[0] ?? [];
  switch (field) {
    case 'timeseries_key':
      return { timeseries: String(value) };
    case 'invalid_characters':
      return { strip: value === 'strip' };
    case 'allow_file_diff':
      return { fileDiff: value === true };
    case 'primary_key_columns':
      return Array.isArray(value) ? { key: value.map(String) } : null;
    case 'columns':
      return Array.isArray(value) ? { chosen: value.map(String) } : null;
    case 'scheduling_policy':
      return POLICIES.includes(String(value)) ? { policy: value as Policy } : null;
    default:
      return null;
  }
}
