import { type SyncedTablesError, syncedTablesError } from '../../core/errors.js';
import type { FlowOptions } from '../../core/flows/flow-options.js';
import type {
  FlowDeclaration,
  PipelineDeclaration,
  StreamingTableDeclaration,
  ViewDeclaration,
} from '../../core/flows/pipeline-declaration.js';
import { parsePipelineFile, syntaxError } from '../parser/parse-pipeline-file.js';
import type {
  ColumnChoice,
  FlowBody,
  FlowClause,
  ObjectName,
  StreamingTableStatement,
  ViewStatement,
} from '../parser/pipeline-statement.js';
import { describePlace } from '../parser/source-place.js';

/**
 * Reads the declarations of a pipeline file.
 * @param fileName as used in messages
 * @param fileName how messages call it
 * @throws PIPELINE_SQL_SYNTAX, PIPELINE_FEATURE_UNSUPPORTED, PIPELINE_NAME_TWICE, AUTOCDC_MISSING_SOURCE
 */
export function readPipeline(text: string, fileName: string): PipelineDeclaration {
  return readPipelineFiles([{ name: fileName, text }]);
}

/** Like readPipeline, for a pipeline written in several files. */
export function readPipelineFiles(
  files: readonly { readonly name: string; readonly text: string }[],
): PipelineDeclaration {
  const parts = files.map(({ name, text }) => readFile(text, name));
  const tables = parts.flatMap((part) => part.tables);
  const views = parts.flatMap((part) => part.views);
  const flows = parts.flatMap((part) => part.flows);
  refuseTwice(
    'streaming table',
    tables.map((table) => table.name.join('.')),
  );
  refuseTwice(
    'view',
    views.map((view) => view.name),
  );
  refuseTwice(
    'flow',
    flows.map((flow) => flow.name),
  );
  return { tables, views, flows };
}

function readFile(text: string, fileName: string): PipelineDeclaration {
  const statements = parsePipelineFile(text, fileName);
  const file = new PipelineFile(text, fileName);
  const tables: StreamingTableDeclaration[] = [];
  const views: ViewDeclaration[] = [];
  const flows: FlowDeclaration[] = [];
  for (const statement of statements) {
    switch (statement.kind) {
      case 'streaming_table': {
        tables.push(file.table(statement));
        const { flow, name } = statement;
        if (flow) flows.push(file.flow({ ...flow, name: null, target: name }));
        break;
      }
      case 'flow':
        flows.push(file.flow(statement));
        break;
      case 'view':
        views.push(file.view(statement));
        break;
    }
  }
  return { tables, views, flows };
}

function refuseTwice(kind: string, names: readonly string[]): void {
  const seen = new Set<string>();
  for (const name of names) {
    const folded = name.toLowerCase();
    if (seen.has(folded)) throw syncedTablesError('PIPELINE_NAME_TWICE', { kind, name });
    seen.add(folded);
  }
}

const TOMBSTONE_PROPERTIES: ReadonlySet<string> = new Set([
  'pipelines.cdc.tombstonegcthresholdinseconds',
  'pipelines.applychanges.tombstonegcthresholdinseconds',
]);

/** Turns statements into declarations; errors show their place in the file. */
class PipelineFile {
  readonly #text: string;
  readonly #name: string;

  constructor(text: string, name: string) {
    this.#text = text;
    this.#name = name;
  }

  table(statement: StreamingTableStatement): StreamingTableDeclaration {
    if (statement.query) {
      const hint = 'Fill the table with a flow: CREATE FLOW … AS AUTO CDC INTO; a plain query can be a view.';
      throw this.#unsupported(statement.query.offset, 'a streaming table from a query', hint);
    }
    const items = statement.schema ?? [];
    const expectation = items.find((item) => item.kind === 'expectation');
    if (expectation) {
      const hint = 'Filter the source in a view, or leave the constraint out.';
      throw this.#unsupported(expectation.offset, 'an expectation on the target of a change flow', hint);
    }
    const columns = items.flatMap((item) => (item.kind === 'column' ? [{ name: item.name, type: item.type }] : []));
    const comment = statement.clauses.find((clause) => clause.kind === 'comment')?.text ?? null;
    const tombstoneSeconds = this.#tombstoneSeconds(statement);
    return { name: statement.name.parts, columns: statement.schema ? columns : null, comment, tombstoneSeconds };
  }

  #tombstoneSeconds(statement: StreamingTableStatement): number | null {
    for (const clause of statement.clauses) {
      if (clause.kind !== 'properties') continue;
      const value = clause.entries.find(([name]) => TOMBSTONE_PROPERTIES.has(name.toLowerCase()))?.[1];
      if (value === undefined) continue;
      if (!/^\d{1,9}$/.test(value)) {
        throw syntaxError(this.#text, this.#name, clause.offset, `the tombstone threshold is not a number of seconds`);
      }
      return Number(value);
    }
    return null;
  }

  view(statement: ViewStatement): ViewDeclaration {
    const [name] = statement.name.parts;
    if (statement.name.parts.length !== 1 || name === undefined) {
      throw syntaxError(this.#text, this.#name, statement.name.offset, 'a view of a pipeline has a name of one part');
    }
    return { name, query: statement.query.text };
  }

  flow(flow: {
    readonly name: ObjectName | null;
    readonly target: ObjectName;
    readonly once: boolean;
    readonly body: FlowBody;
    readonly offset: number;
  }): FlowDeclaration {
    const { body, once } = flow;
    const target = flow.target.parts;
    const name = (flow.name ?? flow.target).parts.join('.');
    const options: FlowOptions = { keys: body.keys.map((key) => key.text), once, ...this.#options(name, body.clauses) };
    if (body.kind === 'changes') {
      if (body.source === null) throw syncedTablesError('AUTOCDC_MISSING_SOURCE', { flow: name });
      const { parts } = body.source.name;
      return { name, kind: 'changes', target, source: { kind: 'name', parts, isChangeFeed: false }, options };
    }
    if (body.version) {
      const hint = 'Leave it out for one snapshot an update; a program can give versions with nextSnapshotAndVersion.';
      throw this.#unsupported(body.version.offset, 'FROM SNAPSHOT with a version query', hint);
    }
    return { name, kind: 'snapshot', target, source: { kind: 'query', query: body.query.text }, options };
  }

  #options(flow: string, clauses: readonly FlowClause[]): Partial<FlowOptions> {
    const seen = new Set<string>();
    const options: Partial<FlowOptions>[] = clauses.map((clause) => {
      if (clause.kind === 'unsupported') {
        throw this.#unsupported(clause.offset, clause.what, 'Use SEQUENCE BY, and SCD type 1 or 2.');
      }
      if (seen.has(clause.kind)) {
        const reason = `flow ${flow} has this clause twice`;
        throw syntaxError(this.#text, this.#name, clause.offset, reason);
      }
      seen.add(clause.kind);
      return clauseOptions(clause);
    });
    return Object.assign({}, ...options) as Partial<FlowOptions>;
  }

  #unsupported(offset: number, what: string, hint: string): SyncedTablesError {
    const { line, column, excerpt } = describePlace(this.#text, offset);
    return syncedTablesError('PIPELINE_FEATURE_UNSUPPORTED', { file: this.#name, line, column, what, excerpt, hint });
  }
}

function clauseOptions(clause: Exclude<FlowClause, { kind: 'unsupported' }>): Partial<FlowOptions> {
  switch (clause.kind) {
    case 'sequence':
      return { sequence_by: clause.expression.text };
    case 'deletes':
      return { apply_as_deletes: clause.expression.text };
    case 'truncates':
      return { apply_as_truncates: clause.expression.text };
    case 'columns':
      return columnOptions(clause.columns, 'column_list', 'except_column_list', {});
    case 'track_history':
      // Even ON * requires a history.
      return columnOptions(clause.columns, 'track_history_column_list', 'track_history_except_column_list', {
        track_history_except_column_list: [],
      });
    case 'ignore_null':
      return columnOptions(
        clause.columns ?? { kind: 'all' },
        'ignore_null_updates_column_list',
        'ignore_null_updates_except_column_list',
        { ignore_null_updates: true },
      );
    case 'scd_type':
      return { stored_as_scd_type: clause.type };
    case 'columns_to_update':
      return { columns_to_update: clause.column.text };
  }
}

function columnOptions(
  choice: ColumnChoice,
  include: keyof FlowOptions,
  except: keyof FlowOptions,
  all: Partial<FlowOptions>,
): Partial<FlowOptions> {
  if (choice.kind === 'all') return all;
  return { [choice.kind === 'include' ? include : except]: choice.columns.map((column) => column.text) };
}
