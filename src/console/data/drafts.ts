// Where the drafts of tables are that were created on this page, or dropped: their addresses, until the page is loaded again.

const drafts = new Map<string, string>();

/** @param path of the draft within the console */
export function rememberDraft(table: string, path: string): void {
  drafts.set(table, path);
}

/** The draft of a table; null if it was neither created here, nor seen here when it had been dropped. */
export function draftOf(table: string): string | null {
  return drafts.get(table) ?? null;
}
