const REASON_LENGTH_MAX = 300;

/** What a server answered. */
export interface ServerAnswer {
  readonly status: number;
  /** Null if it is not JSON. */
  readonly body: unknown;
}

/** Whether a server says that a table, schema or catalog does not exist. */
export function isNotFound(answer: ServerAnswer): boolean {
  return answer.status === 404 || /(_NOT_FOUND|DOES_NOT_EXIST)$/.test(reasonOf(answer).code ?? '');
}

/** Whether a server says that it has no such call: the open-source one does so in words, not in JSON. */
export function isUnknownCall({ status, body }: ServerAnswer): boolean {
  return (
    status === 405 || (status === 404 && body === null) || reasonOf({ status, body }).code === 'ENDPOINT_NOT_FOUND'
  );
}

/** Status, code and message as all kinds of servers give them. */
export function describeAnswer(answer: ServerAnswer): string {
  const { code, message } = reasonOf(answer);
  const words = [code, message].filter((word) => word !== null && word !== '').join(': ');
  return withoutSignatures(`HTTP ${answer.status} ${words}`).trim().slice(0, REASON_LENGTH_MAX).replace(/\.$/, '');
}

/** What an address says after its question mark may be all that it takes to read what is there. */
export function withoutSignatures(words: string): string {
  return words.replace(/(\bhttps?:\/\/[^\s?"']+)\?[^\s"']*/gi, '$1?[hidden]');
}

/**
 * The calls below `delta/v1` put their errors into an object, and a class of exceptions in place of a code; servers of Delta
 * Sharing write `errorCode`.
 */
function reasonOf({ body }: ServerAnswer): { readonly code: string | null; readonly message: string | null } {
  const flat = (body ?? {}) as { error?: unknown; error_code?: unknown; errorCode?: unknown; message?: unknown };
  const nested = (typeof flat.error === 'object' && flat.error !== null ? flat.error : {}) as {
    type?: unknown;
    message?: unknown;
  };
  return {
    code: textOf(flat.error_code) ?? textOf(flat.errorCode) ?? textOf(nested.type),
    message: textOf(flat.message) ?? textOf(nested.message),
  };
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}
