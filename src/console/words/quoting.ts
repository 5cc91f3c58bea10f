import { quoteIdentifier, quoteLiteral } from '../../core/names.js';
import { quoteShell } from '../../core/quote-shell.js';

// How names and texts stand in what people copy. Never with a token in it.

export { quoteIdentifier, quoteLiteral, quoteShell };

/** A text as a Python literal; JSON's form is one. */
export function quotePython(text: string): string {
  return JSON.stringify(text);
}

/** @param path from the root of the server */
export function curlText(server: string, method: string, path: string, body?: unknown): string {
  const lines = [
    `curl ${method === 'GET' ? '' : `-X ${method} `}-H "Authorization: Bearer $DATABRICKS_TOKEN"`,
    ...(body === undefined ? [] : [`-d ${quoteShell(JSON.stringify(body))}`]),
    quoteShell(`${server}${path}`),
  ];
  return lines.join(' \\\n  ');
}
