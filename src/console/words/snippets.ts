/** One act or list in the forms in which it can be done elsewhere; a form that does not exist is left out. */
export interface Snippets {
  readonly SQL?: string;
  readonly CLI?: string;
  readonly curl?: string;
  readonly Python?: string;
  /** Of the settings. */
  readonly YAML?: string;
}
