import type { ErrorKind } from './error-kind.js';

/** What the Unity Catalog calls of the HTTP API do not find; the codes are those of the real service. */
export const unityErrors = {
  CATALOG_DOES_NOT_EXIST: {
    message: "Catalog '{catalog}' does not exist.{meant}",
    remedy: 'See GET /api/2.1/unity-catalog/catalogs for those that this sidecar knows and the caller may see.',
    retry: 'manual',
    status: 404,
    apiCode: 'CATALOG_DOES_NOT_EXIST',
    sqlState: '3D000',
  },
  SCHEMA_DOES_NOT_EXIST: {
    message: "Schema '{schema}' does not exist.",
    remedy: 'See GET /api/2.1/unity-catalog/schemas for those of its catalog that the caller may see.',
    retry: 'manual',
    status: 404,
    apiCode: 'SCHEMA_DOES_NOT_EXIST',
    sqlState: '3F000',
  },
  TABLE_DOES_NOT_EXIST: {
    message: "Table '{table}' does not exist.{meant}",
    remedy: 'See GET /api/2.1/unity-catalog/tables for those of its schema that the caller may see.',
    retry: 'manual',
    status: 404,
    apiCode: 'TABLE_DOES_NOT_EXIST',
    sqlState: '42P01',
  },
} as const satisfies Record<string, ErrorKind>;
