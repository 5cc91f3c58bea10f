// Where the drafts of tables are that were created on this page: their addresses, until the page is loaded again.

const drafts = new Map<string, string>();

/** @param path of the draft within the console */
export function rememberDraft(table: string, path: string): void {
  drafts.set(table, path);
}

/** The draft that a table was created from; null if it was not created here. */
export function draftOf(table: string): string | null {
  return drafts.get(table) ?? null;
}
