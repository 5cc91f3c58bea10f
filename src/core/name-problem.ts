/** What a part of a name may be. */
export interface NamePart {
  /** `schema` */
  readonly what: string;
  readonly lengthMax: number;
  /** Matches one character that is allowed. */
  readonly allowed: RegExp;
  /** `letters, digits and _` */
  readonly allowedText: string;
}

/**
 * Why a name of parts separated by dots is none: the first part that is wrong, and what is wrong with it.
 * @param wanted what each part may be; the name has as many
 */
export function nameProblem(name: string, wanted: readonly NamePart[]): string {
  const parts = name.split('.');
  if (name === '') return 'it is empty';
  if (parts.length !== wanted.length) {
    return `it has ${parts.length === 1 ? 'one part' : `${parts.length} parts`} instead of ${wanted.length}`;
  }
  for (const [index, { what, lengthMax, allowed, allowedText }] of wanted.entries()) {
    const part = parts[index] ?? '';
    if (part === '') return `its ${what} is empty`;
    const wrong = [...part].find((character) => !allowed.test(character));
    if (wrong !== undefined) {
      const shown = wrong === ' ' ? 'a space' : `the character ${JSON.stringify(wrong)}`;
      return `its ${what} "${part}" has ${shown}, where only ${allowedText} are possible`;
    }
    if (part.length > lengthMax) return `its ${what} has ${part.length} characters, at most ${lengthMax} are possible`;
  }
  return 'it is written in another way';
}
