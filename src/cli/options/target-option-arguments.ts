import { InvalidArgumentError } from 'commander';

/** An entry of `type_overrides` in the Databricks API. */
export interface TypeOverride {
  readonly column_name: string;
  readonly pg_type: string;
  readonly size?: number;
}

/** Adds `column=vector(768)` to the overrides given so far. */
export function collectOverride(text: string, given: readonly TypeOverride[] = []): TypeOverride[] {
  const match = /^(?<column>.+)=(?<type>vector|halfvec|varchar)(\((?<size>[1-9][0-9]{0,7})\))?$/i.exec(text);
  const { column = '', type = '', size } = match?.groups ?? {};
  if (!match || (size === undefined && type.toLowerCase() !== 'varchar')) {
    throw new InvalidArgumentError(
      'It must be of the form column=vector(768), column=halfvec(768) or column=varchar(100).',
    );
  }
  const override = { column_name: column, pg_type: `PG_SPECIFIC_TYPE_${type.toUpperCase()}` };
  return [...given, size === undefined ? override : { ...override, size: Number(size) }];
}

/** A JSON array, passed on unchanged: the database checks its contents. */
export function parseJsonList(text: string): string {
  try {
    if (Array.isArray(JSON.parse(text))) return text;
  } catch {
    // reported below, like JSON of another shape
  }
  throw new InvalidArgumentError('It must be a JSON array of objects.');
}
