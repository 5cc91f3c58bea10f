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
  createWhole:
    'With every option that it has, and the schedule of its pipeline if it has one to itself. After it was deleted, this brings it back.',
  metrics: 'Prometheus',
  node: 'Node',
  python: 'Python',
  java: 'Java',
  shell: 'Shell',
} as const;
