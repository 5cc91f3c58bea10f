import { asSyncedTablesError, SyncedTablesError } from '../../core/errors.js';
import { sameButForCase } from '../../core/spelling.js';
import type { ApiContext } from '../places/api-context.js';
import type { Caller } from '../places/caller.js';
import { checkCreateSource } from './check-create-source.js';
import { sourceRequestOf } from './create-parameters.js';
import type { CreateRequest } from './create-request.js';
import { spellSource } from './source-spelling.js';

/** A request, and how its source and its columns are really spelled. */
export interface CheckedRequest {
  /** As the caller wrote it. */
  readonly given: CreateRequest;
  /** As the source has it. */
  readonly spelled: CreateRequest;
}

/** The source may have to be spelled first, then its columns. */
const SPELLINGS_MAX = 2;

/**
 * Holds a request against its source. Names are not told apart by case, as in Unity Catalog: those that fit no other way
 * are spelled as the source spells them.
 * @throws what `checkCreateSource` throws; about a source that does not exist, with the one that was most likely meant
 */
export async function checkRequest(context: ApiContext, caller: Caller, given: CreateRequest): Promise<CheckedRequest> {
  let spelled = given;
  for (let spellings = 0; ; spellings += 1) {
    try {
      await checkCreateSource(context, caller, sourceRequestOf(spelled));
      return { given, spelled };
    } catch (error) {
      const known = asSyncedTablesError(error);
      if (known === null || spellings >= SPELLINGS_MAX) throw error;
      spelled = await respell(context, spelled, known);
    }
  }
}

/** @throws `error`, said with what was meant, if another spelling would not help */
async function respell(context: ApiContext, request: CreateRequest, error: SyncedTablesError): Promise<CreateRequest> {
  const { spec } = request;
  const source = spec.source_table_full_name ?? '';
  switch (error.code) {
    case 'CATALOG_NOT_FOUND':
    case 'SOURCE_TABLE_NOT_FOUND': {
      // What is wrong is known already: that nothing better is found is no reason to say something else.
      const found = await spellSource(context, source).catch(() => null);
      if (found?.same !== undefined && found.same !== source) {
        return { ...request, spec: { ...spec, source_table_full_name: found.same } };
      }
      if (found?.nearest === undefined || found.nearest === source) throw error;
      throw new SyncedTablesError(error.code, `${error.message} Did you mean ${found.nearest}?`, error.remedy, error);
    }
    case 'PRIMARY_KEY_COLUMN_NOT_FOUND':
    case 'TIMESERIES_COLUMN_NOT_FOUND':
    case 'CHOSEN_COLUMN_NOT_FOUND':
    case 'COLUMNS_WITHOUT_KEY': {
      const respelled = await respellColumns(context, request);
      if (respelled === null) throw error;
      return respelled;
    }
    default:
      throw error;
  }
}

/** Null if the columns are spelled already as far as they can be. */
async function respellColumns(context: ApiContext, request: CreateRequest): Promise<CreateRequest | null> {
  const { spec } = request;
  const report = await context.sources.describe(spec.source_table_full_name ?? '');
  const names = report.columns.map(({ name }) => name);
  const spell = (name: string) => sameButForCase(name, names) ?? name;
  const spelled = {
    ...spec,
    ...(spec.primary_key_columns ? { primary_key_columns: spec.primary_key_columns.map(spell) } : {}),
    ...(spec.timeseries_key ? { timeseries_key: spell(spec.timeseries_key) } : {}),
    ...(spec.columns ? { columns: spec.columns.map(spell) } : {}),
  };
  return JSON.stringify(spelled) === JSON.stringify(spec) ? null : { ...request, spec: spelled };
}
