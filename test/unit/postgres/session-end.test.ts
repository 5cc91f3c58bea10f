import pg from 'pg';
import { expect, it } from 'vitest';
import { explainConnectionLoss, explainSessionEnd } from '../../../src/postgres/session/session.js';

// Goal: what `pg` says of a connection that has ended is told in our words, and what another server does is not blamed on Postgres.

const URL = 'postgres://app:s3cret@db.example:5432/app';
const lost = {
  code: 'POSTGRES_UNREACHABLE',
  message: expect.stringMatching(/^Postgres at db\.example:5432.* cannot be used: /),
};

it.each([
  'Connection terminated unexpectedly',
  'Client was closed and is not queryable',
  'Client has encountered a connection error and is not queryable',
])('tells that the connection was lost: %s', (message) => {
  for (const explain of [explainSessionEnd, explainConnectionLoss]) {
    expect(explain(new Error(message), URL)).toMatchObject({
      ...lost,
      message: expect.stringContaining('the connection was lost'),
    });
  }
});

it.each(['57P01', '57P02', '57P03', '57P04'])('tells that the server ended a session: %s', (code) => {
  const error = Object.assign(new pg.DatabaseError('the database system is shutting down', 0, 'error'), { code });
  expect(explainSessionEnd(error, URL)).toMatchObject(lost);
});

it('leaves errors of sockets, which may be those of a store or a webhook, unless all the work was on Postgres', () => {
  const refused = Object.assign(new Error('connect ECONNREFUSED 203.0.113.7:443'), { code: 'ECONNREFUSED' });
  expect(explainSessionEnd(refused, URL)).toBe(refused);
  expect(explainConnectionLoss(refused, URL)).toMatchObject(lost);
});

it('leaves what Postgres says of a statement', () => {
  const error = Object.assign(new pg.DatabaseError('canceling statement due to user request', 0, 'error'), {
    code: '57014',
  });
  for (const explain of [explainSessionEnd, explainConnectionLoss]) expect(explain(error, URL)).toBe(error);
});
