import {
  BLOB,
  type DuckDBBlobValue,
  type DuckDBConnection,
  type DuckDBDataChunk,
  DuckDBScalarFunction,
  type DuckDBVector,
  VARCHAR,
} from '@duckdb/node-api';
import { variantToJson } from '../variant/variant-json.js';

/** Name of the SQL function `(metadata BLOB, value BLOB) -> VARCHAR` that prints a variant as JSON text. */
export const VARIANT_FUNCTION = 'synced_tables_variant_json';

/**
 * Registers the one function that calls out of the engine. DuckDB's own cast of VARIANT to JSON prints NaN as invalid
 * JSON, 32-bit floats with the digits of the double and binary as escapes; variants are rare enough to pay for it.
 */
export function registerVariantFunction(connection: DuckDBConnection): void {
  connection.registerScalarFunction(
    DuckDBScalarFunction.create({
      name: VARIANT_FUNCTION,
      parameterTypes: [BLOB, BLOB],
      returnType: VARCHAR,
      mainFunction(info, input: DuckDBDataChunk, output: DuckDBVector) {
        const metadata = input.getColumnVector(0);
        const value = input.getColumnVector(1);
        try {
          for (let row = 0; row < input.rowCount; row++) {
            const dictionary = metadata.getItem(row) as DuckDBBlobValue | null;
            const encoded = value.getItem(row) as DuckDBBlobValue | null;
            output.setItem(
              row,
              dictionary && encoded ? variantToJson(Buffer.from(dictionary.bytes), Buffer.from(encoded.bytes)) : null,
            );
          }
          output.flush();
        } catch (error) {
          info.setError(`malformed variant: ${(error as Error).message}`);
        }
      },
    }),
  );
}
