/** What a screen is given. Its filters are in the query of the place: see `usePlace`. */
export interface ScreenProps {
  /** Parts of the path by name. */
  readonly params: Readonly<Record<string, string>>;
}
