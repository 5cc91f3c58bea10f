import type { ErrorKind } from './error-kind.js';

/** What the declaration of a flow can get wrong; reported before any row is read. */
const invalid = { retry: 'none', status: 400, apiCode: 'INVALID_PARAMETER_VALUE', sqlState: '22023' } as const;
/** What can only be found out from the source's schema. */
const unfit = { retry: 'manual', status: 400, apiCode: 'INVALID_PARAMETER_VALUE', sqlState: '42703' } as const;

/** Pipeline files, and declaring flows of APPLY CHANGES / AUTO CDC. */
export const flowErrors = {
  PIPELINE_SQL_SYNTAX: {
    summary: 'A statement of a pipeline is not written as it has to be.',
    message: '{file}, line {line}, column {column}: {reason}.\n{excerpt}',
    remedy: 'Correct the statement at the mark; nothing in the file was run.',
    retry: 'none',
    status: 400,
    apiCode: 'INVALID_PARAMETER_VALUE',
    sqlState: '42601',
  },
  PIPELINE_FILE_UNREADABLE: {
    message: 'Pipeline file {file} cannot be read: {reason}.',
    remedy: 'Check its name and permissions.',
    retry: 'none',
    status: 400,
    apiCode: 'INVALID_PARAMETER_VALUE',
    sqlState: '58P01',
  },
  PIPELINE_FILES_CHANGED: {
    message: 'The files of pipeline {pipeline} have changed since {role} declared it.',
    remedy:
      'Let that role start the update, which declares the pipeline anew; or edit the pipeline, so that its flows read with the rights of the caller.',
    retry: 'manual',
    status: 409,
    apiCode: 'INVALID_STATE',
    sqlState: '55000',
  },
  PIPELINE_FEATURE_UNSUPPORTED: {
    summary: 'A statement of a pipeline uses something that is not supported.',
    message: '{file}, line {line}, column {column}: {what} is not supported.\n{excerpt}',
    remedy: '{hint}',
    retry: 'none',
    status: 400,
    apiCode: 'INVALID_PARAMETER_VALUE',
    sqlState: '0A000',
  },
  PIPELINE_FOLDER_MISSING: {
    message: 'Pipeline file {file} cannot be read: the settings do not name a folder of pipeline files.',
    remedy:
      'Set pipelines.folder in the settings, or workspace.folder for files that callers upload, or send the statements themselves in field sql.',
    retry: 'manual',
    status: 400,
    apiCode: 'INVALID_PARAMETER_VALUE',
    sqlState: '58P01',
  },
  PIPELINE_LIBRARY_UNSUPPORTED: {
    message: 'A pipeline cannot be made from {what}: only SQL files with flows are run here.',
    remedy: 'Give libraries of kind file or glob that name .sql files, or the statements themselves in field sql.',
    retry: 'none',
    status: 400,
    apiCode: 'INVALID_PARAMETER_VALUE',
    sqlState: '0A000',
  },
  PIPELINE_WITHOUT_STATEMENTS: {
    message: 'Pipeline {pipeline} declares no streaming table.',
    remedy:
      'Give libraries that name .sql files, or the statements themselves in field sql: CREATE STREAMING TABLE and its flow.',
    retry: 'none',
    status: 400,
    apiCode: 'INVALID_PARAMETER_VALUE',
    sqlState: '22023',
  },
  PIPELINE_NAME_TAKEN: {
    message: 'Role {role} already has a pipeline named {name}.',
    remedy: 'Change or delete that pipeline, or choose another name.',
    retry: 'none',
    status: 409,
    apiCode: 'RESOURCE_ALREADY_EXISTS',
    sqlState: '42710',
  },
  PIPELINE_OF_SYNCED_TABLES: {
    message: 'Pipeline {pipeline} feeds synced tables; it has no statements.',
    remedy: 'Change its synced tables instead, by creating and deleting them.',
    retry: 'none',
    status: 400,
    apiCode: 'INVALID_STATE',
    sqlState: '55000',
  },
  FLOW_VALUE_INVALID: {
    message:
      '{what} of flow {flow} cannot be computed for some rows of its source: {reason}{rows}. Nothing from the batch was applied to {target}.',
    remedy:
      'Correct those rows in the source, leave them out in a view that the flow reads, or let the expression return null there, for example with TRY_CAST.',
    retry: 'manual',
    status: 400,
    apiCode: 'INVALID_STATE',
    sqlState: '22000',
  },
  PIPELINE_OF_FLOWS: {
    message: 'Pipeline {pipeline} fills streaming tables through flows; synced table {target} cannot join it.',
    remedy: 'Use the pipeline_id of a synced table in synced_tables.status, or leave it out to get a new pipeline.',
    retry: 'manual',
    status: 400,
    apiCode: 'INVALID_STATE',
    sqlState: '55000',
  },
  PIPELINE_DECLARATION_INVALID: {
    message: 'What pipeline {pipeline} declares of {what} cannot be read: {reason}.',
    remedy: 'Declare it again: with the pipeline file, the program, or the functions that declared it.',
    retry: 'manual',
    status: 400,
    apiCode: 'INVALID_STATE',
    sqlState: '55000',
  },
  PIPELINE_RUNS_IN_PROGRAM: {
    message: 'Pipeline {pipeline} belongs to the program that declared it, which holds the function it reads from.',
    remedy: 'Let that program run it.',
    retry: 'none',
    status: 400,
    apiCode: 'INVALID_STATE',
    sqlState: '55000',
  },
  PIPELINE_CATALOG_UNCLEAR: {
    message: 'It is not clear which database pipeline {pipeline} should write to: {reason}.',
    remedy: 'Set the field catalog to a database catalog, or to the name of a database that this sidecar looks after.',
    retry: 'none',
    status: 400,
    apiCode: 'INVALID_PARAMETER_VALUE',
    sqlState: '22023',
  },
  PIPELINE_TABLE_UNKNOWN: {
    message: 'Flow {flow} writes to {target}, which is not a streaming table of its pipeline.',
    remedy: 'Declare it: CREATE STREAMING TABLE, or synced_tables.create_streaming_table.',
    retry: 'none',
    status: 400,
    apiCode: 'INVALID_PARAMETER_VALUE',
    sqlState: '42P01',
  },
  PIPELINE_NAME_TWICE: {
    message: 'The pipeline declares {kind} {name} twice.',
    remedy: 'Give each of them its own name.',
    retry: 'none',
    status: 400,
    apiCode: 'INVALID_PARAMETER_VALUE',
    sqlState: '42710',
  },
  PIPELINE_TABLE_ELSEWHERE: {
    message: 'Streaming table {target} belongs to pipeline {pipeline}, not to this one.',
    remedy: 'Write to it from that pipeline, or choose another name.',
    retry: 'none',
    status: 409,
    apiCode: 'RESOURCE_ALREADY_EXISTS',
    sqlState: '42710',
  },
  PIPELINE_CONTINUOUS_IN_PROGRAM: {
    message:
      'Pipeline {pipeline} cannot be continuous: its snapshots come from a function of a program, which no sidecar can call.',
    remedy: 'Run the program whenever there are new snapshots, or let flows read from tables.',
    retry: 'none',
    status: 400,
    apiCode: 'INVALID_PARAMETER_VALUE',
    sqlState: '0A000',
  },
  FLOW_SOURCE_UNKNOWN: {
    message:
      'Flow {flow} reads from {source}, which is neither a view of its pipeline, nor a table of the lakehouse (catalog.schema.table), nor a table of the database: {reason}.',
    remedy: 'Check the name of the source.',
    retry: 'manual',
    status: 400,
    apiCode: 'INVALID_PARAMETER_VALUE',
    sqlState: '42P01',
  },
  FLOW_SOURCE_UNFIT: {
    message: 'Flow {flow} cannot read from {source}: {reason}.',
    remedy: '{hint}',
    retry: 'manual',
    status: 400,
    apiCode: 'INVALID_PARAMETER_VALUE',
    sqlState: '42809',
  },
  SOURCE_NOT_GRANTABLE: {
    message: 'Table {source} cannot be read by flows yet: role {role} may not lend it to the sidecar.',
    remedy:
      'Have its owner run: GRANT USAGE ON SCHEMA {schema} TO {role} WITH GRANT OPTION; GRANT SELECT ON {source} TO {role} WITH GRANT OPTION; GRANT TRUNCATE ON {source} TO {role}; (from version 17 on MAINTAIN instead of TRUNCATE, which is for a lock).',
    retry: 'manual',
    status: 403,
    apiCode: 'PERMISSION_DENIED',
    sqlState: '42501',
  },
  FLOW_FUNCTION_FAILED: {
    message: 'The function that returns the snapshots for flow {flow} failed: {reason}.',
    remedy: 'Fix it and run the program again; earlier snapshots stay committed.',
    retry: 'manual',
    status: 400,
    apiCode: 'INVALID_PARAMETER_VALUE',
    sqlState: '38000',
  },
  FLOW_EXPRESSION_INVALID: {
    message: 'Flow {flow}: {clause} "{expression}" cannot be used: {reason}.',
    remedy:
      'Write one expression over columns of the source, without subqueries and with functions that always give the same result for the same row.',
    retry: 'manual',
    status: 400,
    apiCode: 'INVALID_PARAMETER_VALUE',
    sqlState: '42601',
  },
  FLOW_QUERY_INVALID: {
    message: 'The query of {name} cannot be used: {reason}.',
    remedy: 'Write one SELECT over tables of the lakehouse and views of the pipeline.',
    retry: 'manual',
    status: 400,
    apiCode: 'INVALID_PARAMETER_VALUE',
    sqlState: '42601',
  },
  STREAMING_TABLE_PROPERTY_INVALID: {
    message: 'The tombstone threshold of streaming table {target} is not a number of seconds.',
    remedy: 'Give a whole number, for example 172800.',
    retry: 'none',
    status: 400,
    apiCode: 'INVALID_PARAMETER_VALUE',
    sqlState: '22023',
  },
  STREAMING_TABLE_PROTECTED: {
    message: '{command} on {object} is refused: it would break streaming table {target}.',
    remedy:
      "To drop it: SELECT synced_tables.delete_streaming_table('{target}', purge => true); a superuser can go on after SET databricks_auth.allow_ddl = on.",
    retry: 'none',
    status: 400,
    apiCode: 'INVALID_PARAMETER_VALUE',
    sqlState: '0A000',
  },
  STREAMING_TABLE_SCHEMA_MISMATCH: {
    message: 'The columns declared for streaming table {target} are not the ones that flow {flow} writes: {reason}.',
    remedy:
      'Declare the selected columns, and for SCD type 2 also __START_AT and __END_AT with the type of the sequence; or declare no columns.',
    retry: 'none',
    status: 400,
    apiCode: 'INVALID_PARAMETER_VALUE',
    sqlState: '42804',
  },
  AUTOCDC_EMPTY_KEYS: {
    message: 'Flow {flow} has no keys.',
    remedy: "Name the columns that identify a row: KEYS (id), or keys => array['id'].",
    ...invalid,
  },
  AUTOCDC_MISSING_SOURCE: {
    message: 'Flow {flow} has no source.',
    remedy: 'Name the table or view that holds the changes.',
    ...invalid,
  },
  AUTOCDC_MISSING_SEQUENCE_BY: {
    message: 'Flow {flow} does not say which of two changes is the later one.',
    remedy: 'Name the column or expression: SEQUENCE BY, or sequence_by.',
    ...invalid,
  },
  AUTOCDC_MULTIPART_COLUMN_IDENTIFIER: {
    message: 'Flow {flow}: {column} in {option} is a qualified name.',
    remedy: 'Name the column alone.',
    ...invalid,
  },
  AUTOCDC_NON_COLUMN_IDENTIFIER: {
    message: 'Flow {flow}: {column} in {option} is not a column name.',
    remedy:
      'Name a column; put names with characters other than letters, digits and _ in backticks. Compute expressions in a view.',
    ...invalid,
  },
  AUTOCDC_BOTH_COLUMN_LIST_AND_EXCEPT_COLUMN_LIST: {
    message: 'Flow {flow} has both column_list and except_column_list.',
    remedy: 'Give one of them.',
    ...invalid,
  },
  AUTOCDC_BOTH_TRACK_HISTORY_COLUMN_LIST_AND_EXCEPT_COLUMN_LIST: {
    message: 'Flow {flow} has both track_history_column_list and track_history_except_column_list.',
    remedy: 'Give one of them.',
    ...invalid,
  },
  AUTOCDC_TRACK_HISTORY_REQUIRES_SCD2: {
    message: 'Flow {flow} tracks the history of columns, but its target is stored as SCD type 1, which keeps none.',
    remedy: 'Store it as SCD type 2, or leave out TRACK HISTORY.',
    ...invalid,
  },
  AUTOCDC_CONFLICTING_IGNORE_NULL_UPDATES_OPTIONS: {
    message:
      'Flow {flow} has more than one of ignore_null_updates, ignore_null_updates_column_list and ignore_null_updates_except_column_list.',
    remedy: 'Give one of them.',
    ...invalid,
  },
  AUTOCDC_IGNORE_NULL_EMPTY_COLUMN_LIST: {
    message: 'Flow {flow} ignores null updates of an empty list of columns.',
    remedy: 'Name columns, or leave out the option.',
    ...invalid,
  },
  AUTOCDC_COLUMNS_TO_UPDATE_CONFLICT: {
    message: 'Flow {flow} has both columns_to_update and an option that ignores null updates.',
    remedy: 'Give one of them: both say which columns an event writes.',
    ...invalid,
  },
  AUTOCDC_COLUMNS_TO_UPDATE_TYPE: {
    message: 'Column {column}, which lists the columns to update for flow {flow}, has type {type}.',
    remedy: 'It must be an array of strings that hold column names.',
    ...invalid,
  },
  AUTOCDC_TRUNCATE_REQUIRES_SCD1: {
    message: 'Flow {flow} applies truncates, but its target is stored as SCD type 2.',
    remedy: 'Store it as SCD type 1, or leave out APPLY AS TRUNCATE WHEN.',
    ...invalid,
  },
  AUTOCDC_INVALID_SCD_TYPE: {
    message: 'Flow {flow} stores its target as SCD type {type}.',
    remedy: 'Use 1 (current rows) or 2 (history).',
    ...invalid,
  },
  AUTOCDC_COLUMNS_NOT_FOUND_IN_SCHEMA: {
    message:
      'Flow {flow}: {option} names columns that do not exist or cannot be chosen there: {columns}. Available: {available}.',
    remedy: 'Name columns of the source; lists for history and for null updates take selected columns outside the key.',
    ...unfit,
  },
  AUTOCDC_KEY_NOT_IN_SELECTED_SCHEMA: {
    message: 'Flow {flow}: key {columns} is not among the selected columns of the source: {available}.',
    remedy: 'Name key columns of the source, and do not leave them out with COLUMNS.',
    ...unfit,
  },
  AUTOCDC_KEY_TYPE_UNSUPPORTED: {
    message: 'Flow {flow}: key column {column} has type {type}, which cannot identify a row.',
    remedy: 'Choose key columns of simple types.',
    ...unfit,
  },
  AUTOCDC_RESERVED_COLUMN_NAME_CONFLICT: {
    message: 'The source of flow {flow} has column {column}, which the target or its change feed adds itself.',
    remedy: 'Rename it in a view; columns of a change feed can be left out with COLUMNS * EXCEPT.',
    ...unfit,
  },
  AUTOCDC_RESERVED_COLUMN_NAME_PREFIX_CONFLICT: {
    message: 'The source of flow {flow} has column {column}; names that begin with __autocdc_ are reserved.',
    remedy: 'Rename it in a view.',
    ...unfit,
  },
  AUTOCDC_MULTIPLE_FLOWS_TO_TARGET: {
    message: 'Flows {flow} and {other} write to {target}, but have different {what}.',
    remedy: 'Flows to the same table must agree on keys, type of the sequence, SCD type and tracked columns.',
    ...invalid,
  },
  'AUTOCDC_MICROBATCH_VALIDATION.NON_ORDERABLE_SEQUENCE': {
    message: 'Flow {flow}: the sequence has type {type}, whose values have no order.',
    remedy: 'Order changes by a number, a time, a string or a struct of such columns.',
    ...unfit,
  },
  'APPLY_CHANGES_FROM_SNAPSHOT_ERROR.MULTIPLE_QUERIES_FOR_TABLE': {
    message: 'Flows {flow} and {other} write to {target}, but one of them applies snapshots and must be the only flow.',
    remedy: 'Give each flow a table of its own.',
    ...invalid,
  },
} as const satisfies Record<string, ErrorKind>;
