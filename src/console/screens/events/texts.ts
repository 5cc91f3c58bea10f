/** Texts of the page of all events. */
export const eventsTexts = { title: 'Events' } as const;
