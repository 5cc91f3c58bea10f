import { quoteShell } from './quote-shell.js';

// Calls of the HTTP API as people make them elsewhere: each text runs as it stands. The token comes from the environment.

export interface WrittenCall {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** From the root of the server, with its query. */
  readonly path: string;
  readonly body?: unknown;
}

/** @param server its address, without a slash at its end */
export function curlText(server: string, { method, path, body }: WrittenCall): string {
  const lines = [
    `curl ${method === 'GET' ? '' : `-X ${method} `}-H "Authorization: Bearer $DATABRICKS_TOKEN"`,
    ...(body === undefined ? [] : [`-d ${quoteShell(JSON.stringify(body))}`]),
    quoteShell(`${server}${path}`),
  ];
  return lines.join(' \\\n  ');
}

/** With the SDK of Databricks. It prints the reply. */
export function pythonText(server: string, { method, path, body }: WrittenCall): string {
  const parts = [
    JSON.stringify(method),
    quotePython(path),
    ...(body === undefined ? [] : [`body=${pythonValue(body)}`]),
  ];
  return pythonWithClient(server, `print(w.api_client.do(${parts.join(', ')}))`);
}

/** Lines that use the client `w` of the SDK of Databricks. */
export function pythonWithClient(server: string, lines: string): string {
  return `from databricks.sdk import WorkspaceClient\n\nw = WorkspaceClient(host=${quotePython(server)})\n${lines}`;
}

/** A text as a Python literal; JSON's form is one. */
export function quotePython(text: string): string {
  return JSON.stringify(text);
}

function pythonValue(value: unknown): string {
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (Array.isArray(value)) return `[${value.map(pythonValue).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return value === null ? 'None' : JSON.stringify(value);
  const pairs = Object.entries(value).filter(([, item]) => item !== undefined);
  return `{${pairs.map(([name, item]) => `${quotePython(name)}: ${pythonValue(item)}`).join(', ')}}`;
}
