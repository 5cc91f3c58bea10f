/** Texts of what this browser keeps. */
export const preferencesTexts = {
  title: 'Preferences',
  kept: 'Kept in this browser only.',
  colours: 'Colours',
  themes: { system: 'As the system', light: 'Light', dark: 'Dark' },
  times: 'Exact times',
  zones: { local: 'In the zone of this browser', utc: 'In UTC' },
  keys: 'Keyboard',
  singleKeys: 'Single letters do something; press ? for the list',
} as const;
