/** Texts of schedules and trigger intervals. */
export const scheduleTexts = {
  title: 'Schedule',
  what: 'the schedule',
  none: 'There is no schedule: updates run when somebody asks for one.',
  continuous: 'This pipeline follows its sources all the time and needs no schedule.',
  cron: 'Cron expression',
  cronHelp: 'Minute, hour, day of the month, month, day of the week; with seconds in front if needed.',
  zone: 'Time zone',
  next: 'Next runs',
  clockChange: 'clocks change on this day',
  set: 'Set schedule',
  remove: 'Remove schedule',
  runs: 'Runs',
  nextRun: 'The next run is',
  setBy: (role: string) => `set by ${role}`,
  waits: 'The next run is being computed.',
  refused: 'Schedules are set by roles that may sync all tables of the pipeline.',
  interval: 'Trigger interval',
  intervalHelp: (ms: string) =>
    `How often a continuous pipeline looks for changes, in milliseconds; ${ms} unless it is set.`,
  setInterval: 'Set interval',
} as const;
