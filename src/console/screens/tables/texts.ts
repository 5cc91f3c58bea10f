/** Texts of the overview. */
export const tablesTexts = {
  title: 'Tables',
  what: 'the tables',
} as const;
