const KEY_NAME = /(^|_)(id|key|uuid)$/i;

/** Whether a column is named as keys are. */
export function isNamedLikeKey(column: string): boolean {
  return KEY_NAME.test(column);
}
