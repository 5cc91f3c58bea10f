import { Validator } from '@seriousme/openapi-schema-validator';
import { expect, it } from 'vitest';
import { buildTestServer } from '../../../support/api-server.js';

// Goal: the document at /openapi.json is a valid one, and has every call.

it('is a valid OpenAPI document', async () => {
  await using server = await buildTestServer();
  const reply = await server.inject({ method: 'GET', url: '/openapi.json' });
  const document = reply.json();
  const { valid, errors } = await new Validator().validate(document);
  expect(errors ?? []).toEqual([]);
  expect(valid).toBe(true);
  const paths = Object.keys(document.paths);
  expect(paths).toEqual(
    expect.arrayContaining([
      '/.well-known/databricks-config',
      '/api/2.0/database/synced_tables',
      '/api/2.0/database/synced_tables/{name}',
      '/api/2.0/database/instances:findByUid',
      '/api/2.0/database/credentials',
    ]),
  );
  const operations = Object.values<Record<string, { responses: Record<string, unknown> }>>(document.paths);
  for (const { responses } of operations.flatMap((path) => Object.values(path))) {
    expect(responses.default).toMatchObject({
      content: { 'application/json': { schema: { required: ['error_code', 'message', 'details'] } } },
    });
  }
  const progress = JSON.stringify(document.paths['/api/2.0/database/synced_tables/{name}'].get.responses[200]);
  expect(progress).toContain('"synced_row_count":{"type":"integer","format":"int64"}');
});

it('is rendered at /docs with nothing from outside', async () => {
  await using server = await buildTestServer();
  const page = await server.inject({ method: 'GET', url: '/docs' });
  expect(page).toMatchObject({ statusCode: 200 });
  expect(page.body).not.toMatch(/(src|href)="(https?:)?\/\//);
  const script = await server.inject({ method: 'GET', url: '/docs/static/swagger-initializer.js' });
  expect(script).toMatchObject({ statusCode: 200 });
  expect(script.body).toContain('"validatorUrl":null');
});

it('answers clients that have no token yet, and unknown paths in the form of the API', async () => {
  await using server = await buildTestServer();
  const metadata = await server.inject({
    method: 'GET',
    url: '/.well-known/databricks-config',
    headers: { host: 'x:1' },
  });
  expect(metadata.json()).toMatchObject({
    oidc_endpoint: 'http://x:1/oidc',
    host_type: 'workspace',
    workspace_id: '1',
  });
  const unknown = await server.inject({ method: 'GET', url: '/api/2.0/nothing/100%' });
  expect(unknown).toMatchObject({ statusCode: 404 });
  expect(unknown.json()).toMatchObject({ error_code: 'ENDPOINT_NOT_FOUND' });
});
