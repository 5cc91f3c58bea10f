import type { FastifyRequest } from 'fastify';
import { expect, it } from 'vitest';
import { ConsoleSession } from '../../../src/api/identity/console-session.js';

// Goal: behind TLS the cookie is one that browsers hold to this host, and the proxy's address counts as the own one.

const request = (headers: Record<string, string>) => ({ headers }) as unknown as FastifyRequest;

it('is bound to the host and to TLS where people reach it over TLS', () => {
  const session = new ConsoleSession('https://data.example.com/synced');
  expect(session.begin('stt_x', null)).toBe(
    '__Host-synced-tables=stt_x; Path=/; Max-Age=43200; HttpOnly; SameSite=Strict; Secure',
  );
  expect(session.tokenOf(request({ cookie: '__Host-synced-tables=stt_x' }))).toBe('stt_x');
  expect(session.tokenOf(request({ cookie: 'synced-tables=stt_x' }))).toBeNull();
  const marked = { 'x-synced-tables': 'console', host: '127.0.0.1:8080' };
  expect(() => session.check(request({ ...marked, origin: 'https://data.example.com' }))).not.toThrow();
  expect(() => session.check(request({ ...marked, origin: 'http://127.0.0.1:8080' }))).toThrow(/refused/);
});

it('lasts no longer than its token', () => {
  const session = new ConsoleSession(undefined);
  expect(session.begin('t', 100.7)).toContain('Max-Age=100;');
  expect(session.begin('t', 1e9)).toContain('Max-Age=43200;');
  expect(session.end()).toContain('Max-Age=0;');
});
