/** Texts of the tab of code. */
export const codeTexts = {
  what: 'How applications use the table. No password stands in what is copied: a role has its own, or takes one that the API gives for an hour.',
  where: 'Where the server is',
  unknownPlace: 'Its host and port are shown to roles that may watch the server; here HOST and PORT stand for them.',
  read: 'Read rows',
  connect: 'Connect',
  credential: 'A password for an hour',
  listen: 'Hear of every sync',
  wait: 'Wait for a version of the source',
  waitWhy: 'For applications that read what they have just written to the lakehouse.',
  create: 'Create the same table again',
  createPartly:
    'With what this page knows; options for columns, indexes and characters are shown by GET /api/2.0/database/synced_tables.',
  metrics: 'Prometheus',
  node: 'Node',
  python: 'Python',
  java: 'Java',
  shell: 'Shell',
} as const;
