/** Below it are the calls that Databricks does not have: what the console and curl use of this product's own. */
export const NATIVE_PATH = '/api/2.0/synced-tables';

/** How the calls are grouped in the document. */
export const NATIVE_TAGS = ['synced-tables'];
