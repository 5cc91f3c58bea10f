import { curlText, pythonText, pythonWithClient, quotePython, type WrittenCall } from '../../core/call-text.js';
import { quoteIdentifier, quoteLiteral } from '../../core/names.js';
import { quoteShell } from '../../core/quote-shell.js';

// How names and texts stand in what people copy. Never with a token in it.

export { pythonWithClient, quoteIdentifier, quoteLiteral, quotePython, quoteShell };

/** A call of the API in the forms that every call has. */
export function callSnippets(server: string, call: WrittenCall): { readonly curl: string; readonly Python: string } {
  return { curl: curlText(server, call), Python: pythonText(server, call) };
}
