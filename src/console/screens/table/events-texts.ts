/** Texts of lists of events. */
export const eventsTexts = {
  what: 'the events',
  filter: 'Words in the event',
  errorsOnly: 'Errors only',
  clear: 'Clear filters',
  empty: 'No event is kept.',
  noMatch: 'No event matches.',
  more: 'Show 100 more',
  details: 'Details',
  copyLine: 'this event',
  link: 'Link to this event',
  unreachable: (database: string) => `The database ${database} does not answer; its events are missing here.`,
  levels: { INFO: 'Info', WARN: 'Warning', ERROR: 'Error' },
  elsewhere: 'these events',
} as const;
