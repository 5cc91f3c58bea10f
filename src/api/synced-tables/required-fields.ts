import { syncedTablesError } from '../../core/errors.js';
import { FieldRefusal } from '../wire/field-refusal.js';
import type { CreateRequest } from './create-request.js';

const NEEDED = [
  ['source_table_full_name', 'Give the three-part name of the source table, such as analytics.gold.user_profiles.'],
  ['scheduling_policy', 'Give SNAPSHOT, TRIGGERED or CONTINUOUS.'],
] as const;

/**
 * Refuses a spec that lacks a field without which no synced table can be, by the name that clients give it.
 * @throws FieldRefusal with FIELD_MISSING or PRIMARY_KEY_MISSING
 */
export function requireSpecFields(spec: CreateRequest['spec'] | undefined, target: string): void {
  if (spec === undefined) throw missing('spec', 'It says what the synced table is made from.');
  for (const [field, advice] of NEEDED) if (!spec[field]) throw missing(`spec.${field}`, advice);
  if (spec.primary_key_columns?.length) return;
  throw new FieldRefusal('spec.primary_key_columns', syncedTablesError('PRIMARY_KEY_MISSING', { target }));
}

/** @throws FieldRefusal with FIELD_MISSING for an empty name */
export function requireName(name: string | undefined, field: string): string {
  if (name) return name;
  throw missing(field, 'Give the three-part name of the synced table: catalog.schema.table.');
}

function missing(field: string, advice: string): FieldRefusal {
  return new FieldRefusal(field, syncedTablesError('FIELD_MISSING', { field, advice }));
}
