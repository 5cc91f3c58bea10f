/** Texts of lag and rows over time. */
export const historyTexts = {
  title: 'Lag and rows over time',
  what: 'lag and rows over time',
  range: 'Time shown',
  ranges: { '1': '1 hour', '24': '24 hours', '168': '7 days', '720': '30 days' } as Readonly<Record<string, string>>,
  lag: 'Lag',
  noLag: 'none',
  rows: 'Rows',
  rowsEstimated: 'Rows, as Postgres estimates them',
  events: 'Events of that time',
  latestUpdates: 'Latest updates',
  allUpdates: 'All updates',
  latestEvents: 'Latest events',
  allEvents: 'All events',
  failed: 'Crosses are moments at which the last update had failed.',
} as const;
