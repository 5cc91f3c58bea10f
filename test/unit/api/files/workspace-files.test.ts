import { randomBytes } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ApiServer } from '../../../../src/api/places/api-context.js';
import { buildTestServer } from '../../../support/api-server.js';

// Goal: files of callers are kept below one folder as the tools of Databricks send them, whole or not at all, each caller
// in a home of their own that no path leads out of, and within limits. Here the caller is the one of a new sidecar, `local`.

const HOME = '/Workspace/Users/local';
const IMPORT = '/api/2.0/workspace-files/import-file';

describe('files of callers', () => {
  let top: string;
  let folder: string;
  let server: ApiServer & AsyncDisposable;
  let url: string;
  const start = async (workspace: object) => {
    server = await buildTestServer({ workspace });
    url = await server.listen({ host: '127.0.0.1', port: 0 });
  };
  beforeEach(async () => {
    top = mkdtempSync(path.join(tmpdir(), 'workspace-'));
    folder = path.join(top, 'kept');
    await start({ folder, file_mb: 1, caller_mb: 3, caller_files: 20 });
  });
  afterEach(async () => {
    await server[Symbol.asyncDispose]();
    rmSync(top, { recursive: true, force: true });
  });

  const call = async (method: string, target: string, body?: unknown) => {
    const reply = await fetch(`${url}${target}`, {
      method,
      ...(body === undefined ? {} : { body: Buffer.isBuffer(body) ? new Uint8Array(body) : JSON.stringify(body) }),
    });
    const bytes = Buffer.from(await reply.arrayBuffer());
    const isJson = reply.headers.get('content-type')?.includes('json') === true;
    // biome-ignore lint/suspicious/noExplicitAny: bodies are whatever the server sent, which is what tests look at
    const json: any = isJson ? JSON.parse(bytes.toString()) : null;
    return { status: reply.status, bytes, json, reason: json?.details?.[0]?.reason as string | undefined };
  };
  const mkdirs = (target: string) => call('POST', '/api/2.0/workspace/mkdirs', { path: target });
  /** As the Go SDK sends it: the path is one encoded segment. */
  const put = (target: string, content: string | Buffer, overwrite = false) =>
    call(
      'POST',
      `${IMPORT}/${encodeURIComponent(target.replace(/^\//, ''))}?overwrite=${overwrite}`,
      Buffer.from(content),
    );
  const status = (target: string) =>
    call('GET', `/api/2.0/workspace/get-status?path=${encodeURIComponent(target)}&return_export_info=true`);
  const list = (target: string) => call('GET', `/api/2.0/workspace/list?path=${encodeURIComponent(target)}`);
  const read = (target: string) =>
    call('GET', `/api/2.0/workspace/export?path=${encodeURIComponent(target)}&direct_download=true&format=SOURCE`);
  const remove = (target: string, recursive = false) =>
    call('POST', '/api/2.0/workspace/delete', { path: target, recursive });
  const told = ({ status: code, reason }: { status: number; reason: string | undefined }) => [code, reason];

  it('keeps what a bundle sends, and gives it back byte by byte', async () => {
    const state = `${HOME}/.bundle/shop/default/state`;
    expect(told(await put(`${state}/deploy.lock`, '{}'))).toEqual([404, 'WORKSPACE_PARENT_MISSING']);
    expect(await mkdirs(state)).toMatchObject({ status: 200, json: {} });
    expect(await mkdirs(state)).toMatchObject({ status: 200 });
    expect(await put(`${state}/deploy.lock`, '{"ID":"1"}')).toMatchObject({ status: 200, json: {} });
    // The lock of a deployment: one of two takes it.
    expect(told(await put(`${state}/deploy.lock`, '{"ID":"2"}'))).toEqual([409, 'WORKSPACE_PATH_EXISTS']);
    expect((await read(`${state}/deploy.lock`)).bytes.toString()).toBe('{"ID":"1"}');
    const binary = randomBytes(300_000);
    expect((await put(`${state}/state.bin`, binary, true)).status).toBe(200);
    expect((await put(`${state}/state.bin`, binary.subarray(1), true)).status).toBe(200);
    expect((await read(`${state}/state.bin`)).bytes.equals(binary.subarray(1))).toBe(true);
    expect((await put(`${state}/empty.txt`, '')).status).toBe(200);
    expect((await read(`${state}/empty.txt`)).bytes).toHaveLength(0);
    const inJson = await call('GET', `/api/2.0/workspace/export?path=${state}/deploy.lock`);
    expect(inJson.json).toEqual({ content: Buffer.from('{"ID":"1"}').toString('base64'), file_type: 'lock' });
    expect(told(await call('GET', `/api/2.0/workspace/export?path=${state}/deploy.lock&format=DBC`))).toEqual([
      501,
      'NOT_IMPLEMENTED',
    ]);
    expect(told(await read(state))).toEqual([400, 'WORKSPACE_NOT_A_FILE']);
    const info = await status(`${state}/state.bin`);
    expect(info.json).toMatchObject({
      object_type: 'FILE',
      path: `${state}/state.bin`,
      size: 299_999,
      object_id: expect.any(Number),
    });
    expect(Math.abs(info.json.modified_at - Date.now())).toBeLessThan(60_000);
    // With and without the prefix it is the same object.
    expect((await status(`${state.slice('/Workspace'.length)}/state.bin`)).json.object_id).toBe(info.json.object_id);
    expect((await list(state)).json.objects.map((each: { path: string }) => each.path)).toEqual(
      ['deploy.lock', 'empty.txt', 'state.bin'].map((name) => `${state}/${name}`),
    );
    expect((await list(`${state}/state.bin`)).json.objects).toHaveLength(1);
    expect(told(await remove(state))).toEqual([400, 'WORKSPACE_FOLDER_NOT_EMPTY']);
    expect((await remove(`${HOME}/.bundle/shop`, true)).status).toBe(200);
    expect(told(await status(state))).toEqual([404, 'WORKSPACE_PATH_NOT_FOUND']);
    expect(told(await remove(`${HOME}/.bundle/shop`, true))).toEqual([404, 'WORKSPACE_PATH_NOT_FOUND']);
    expect((await list(`${HOME}/.bundle`)).json).toEqual({});
    expect(readdirSync(path.join(folder, '.incoming'))).toEqual([]);
  });

  it('has a home for the caller before anything is kept there, and the folders above it', async () => {
    for (const target of ['/', '/Workspace', '/Workspace/', '/Users', HOME, '/Users/local/']) {
      expect((await status(target)).json).toMatchObject({ object_type: 'DIRECTORY' });
    }
    expect((await list('/')).json.objects).toMatchObject([{ path: '/Users' }]);
    expect((await list('/Workspace/Users')).json.objects).toMatchObject([{ path: HOME }]);
    expect((await list(HOME)).json).toEqual({});
    expect((await put(`${HOME}/a.txt`, 'a')).status).toBe(200);
  });

  it('takes files in base64 too, and no notebooks', async () => {
    const content = Buffer.from('select 1').toString('base64');
    const send = (more: object) =>
      call('POST', '/api/2.0/workspace/import', { path: `${HOME}/q.sql`, content, ...more });
    expect(told(await send({}))).toEqual([501, 'NOT_IMPLEMENTED']);
    expect(told(await send({ format: 'SOURCE', language: 'SQL' }))).toEqual([501, 'NOT_IMPLEMENTED']);
    expect((await send({ format: 'AUTO' })).status).toBe(200);
    expect(told(await send({ format: 'AUTO' }))).toEqual([409, 'WORKSPACE_PATH_EXISTS']);
    expect((await send({ format: 'RAW', overwrite: true })).status).toBe(200);
    expect((await read(`${HOME}/q.sql`)).bytes.toString()).toBe('select 1');
  });

  it('takes files as forms, as SDKs send them', async () => {
    const binary = randomBytes(100_000);
    const send = async (fields: Record<string, string>, content: Buffer | string = binary, type?: string) => {
      const form = new FormData();
      for (const [name, value] of Object.entries({ path: `${HOME}/up.bin`, ...fields })) form.set(name, value);
      form.set('content', new Blob([new Uint8Array(Buffer.from(content))]), 'content');
      const headers = type === undefined ? {} : { 'content-type': type };
      const reply = await fetch(`${url}/api/2.0/workspace/import`, { method: 'POST', body: form, headers });
      return [reply.status, (await reply.json()).details?.[0]?.reason];
    };
    expect(await send({ format: 'AUTO' })).toEqual([200, undefined]);
    expect((await read(`${HOME}/up.bin`)).bytes.equals(binary)).toBe(true);
    expect(await send({ format: 'AUTO', overwrite: 'false' })).toEqual([409, 'WORKSPACE_PATH_EXISTS']);
    expect(await send({ format: 'AUTO', overwrite: 'true' }, '')).toEqual([200, undefined]);
    expect((await read(`${HOME}/up.bin`)).bytes).toHaveLength(0);
    expect(await send({ language: 'SQL' })).toEqual([501, 'NOT_IMPLEMENTED']);
    expect(await send({ format: 'AUTO' }, binary, 'multipart/form-data; boundary=other')).toEqual([
      400,
      'REQUEST_INVALID',
    ]);
    expect(await send({ format: 'AUTO', overwrite: 'true' }, Buffer.alloc(2 ** 20 + 1))).toEqual([
      413,
      'WORKSPACE_FILE_TOO_LARGE',
    ]);
    expect((await send({ format: 'AUTO' }, Buffer.alloc(2 ** 21)))[0]).toBe(413);
  });

  it('keeps names as they are', async () => {
    const names = [
      'ü ñ 日本.sql',
      '100%.txt',
      'a%2Fb',
      '%2e%2e',
      '...',
      '.hidden',
      'it\'s \\ "odd" #?&+.sql',
      '~',
      'x;y',
    ];
    for (const name of names) {
      expect([name, (await put(`${HOME}/${name}`, name)).status]).toEqual([name, 200]);
      expect((await read(`${HOME}/${name}`)).bytes.toString()).toBe(name);
    }
    const { objects } = (await list(HOME)).json;
    expect(objects.map((each: { path: string }) => each.path).sort()).toEqual(
      names.map((name) => `${HOME}/${name}`).sort(),
    );
    // Where a client does not encode the slashes.
    expect((await mkdirs(`${HOME}/d`)).status).toBe(200);
    expect((await call('POST', `${IMPORT}/Workspace/Users/local/d/plain.txt`, Buffer.from('p'))).status).toBe(200);
    expect((await read(`//Workspace//Users/local/d//plain.txt`)).bytes.toString()).toBe('p');
  });

  it('leads nowhere else', async () => {
    writeFileSync(path.join(top, 'secret.txt'), 'secret');
    mkdirSync(path.join(folder, 'Users/local'), { recursive: true });
    mkdirSync(path.join(folder, 'Users/other'), { recursive: true });
    writeFileSync(path.join(folder, 'Users/other/theirs.txt'), 'secret');
    symlinkSync(path.join(top, 'secret.txt'), path.join(folder, 'Users/local/link.txt'));
    symlinkSync(top, path.join(folder, 'Users/local/out'));
    const outside = [
      `${HOME}/../other/theirs.txt`,
      `${HOME}/../../../secret.txt`,
      '/../secret.txt',
      '/Users/other/theirs.txt',
      '/Workspace/Users/other/theirs.txt',
      '/Workspace/Workspace/Users/local/x',
      '/Users/localx',
      '/Users/LOCAL/x',
      '/Shared/x.txt',
      '/Repos/local/x',
      '/.incoming/x',
      '/Users/.incoming',
      `${HOME}/link.txt`,
      `${HOME}/out/secret.txt`,
      path.join(top, 'secret.txt'),
      'Users/local/x',
      `${HOME}/a\0b`,
      `${HOME}/a\nb`,
      `${HOME}/./a`,
      `${HOME}/${'n'.repeat(256)}`,
      `${HOME}/${'d/'.repeat(60)}`,
      `${HOME}/${'é'.repeat(1_200)}`,
      '',
    ];
    for (const target of outside) {
      const answers = [await status(target), await read(target), await list(target), await remove(target, true)];
      for (const answer of answers) {
        expect([target, [400, 403, 404].includes(answer.status)]).toEqual([target, true]);
        expect(answer.bytes.toString()).not.toContain('secret"');
        expect(answer.bytes.toString()).not.toContain(folder);
      }
    }
    for (const target of outside.filter((each) => !/link|^Users|^$/.test(each))) {
      expect([target, (await put(target, 'x', true)).status >= 400]).toEqual([target, true]);
      expect([target, (await mkdirs(target)).status >= 400]).toEqual([target, true]);
    }
    for (const encoded of [
      '..%2F..%2Fsecret.txt',
      '%2e%2e%2f%2e%2e%2fsecret.txt',
      'Workspace%2FUsers%2Flocal%2F..%2Fother%2Fx',
    ]) {
      expect((await call('POST', `${IMPORT}/${encoded}?overwrite=true`, Buffer.from('x'))).status).toBe(400);
    }
    // A link in the way is replaced by the file, not followed.
    expect((await put(`${HOME}/link.txt`, 'mine', true)).status).toBe(200);
    expect(readFileSync(path.join(top, 'secret.txt'), 'utf8')).toBe('secret');
    expect(readFileSync(path.join(folder, 'Users/other/theirs.txt'), 'utf8')).toBe('secret');
    expect(readdirSync(top).sort()).toEqual(['kept', 'secret.txt']);
    // The folders above stay.
    for (const target of ['/', '/Users', HOME]) {
      expect([target, (await remove(target, true)).status >= 400]).toEqual([target, true]);
    }
    expect(existsSync(path.join(folder, 'Users/local'))).toBe(true);
  });

  it('refuses what is too large, over a connection that stays answerable, and keeps nothing of it', async () => {
    const large = Buffer.alloc(2 ** 20 + 1);
    const refused = await put(`${HOME}/large.bin`, large);
    expect(told(refused)).toEqual([413, 'WORKSPACE_FILE_TOO_LARGE']);
    expect(refused.json.message).toContain('1 MiB');
    expect((await put(`${HOME}/large.bin`, large.subarray(1))).status).toBe(200);
    expect(told(await put(`${HOME}/large.bin`, large, true))).toEqual([413, 'WORKSPACE_FILE_TOO_LARGE']);
    expect((await read(`${HOME}/large.bin`)).bytes).toHaveLength(2 ** 20);
    const inJson = { path: `${HOME}/l`, format: 'RAW', content: large.toString('base64') };
    expect(told(await call('POST', '/api/2.0/workspace/import', inJson))).toEqual([413, 'WORKSPACE_FILE_TOO_LARGE']);
    expect(readdirSync(path.join(folder, '.incoming'))).toEqual([]);
    // Sent without a length, by a client that ignores the answer for a while.
    const reply = await new Promise<string>((resolve, reject) => {
      const socket = connect(Number(new URL(url).port), '127.0.0.1');
      let text = '';
      socket.on('data', (chunk) => {
        text += chunk;
      });
      socket.on('close', () => resolve(text));
      socket.on('error', reject);
      socket.write(
        `POST ${IMPORT}/Users%2Flocal%2Fx HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n`,
      );
      const chunk = Buffer.alloc(65_536);
      for (let n = 0; n < 40; n++) socket.write(Buffer.concat([Buffer.from('10000\r\n'), chunk, Buffer.from('\r\n')]));
      socket.write('0\r\n\r\n');
    });
    expect(reply).toMatch(/^HTTP\/1.1 413 /);
  });

  it('keeps so much and so many for one caller', async () => {
    const part = Buffer.alloc(2 ** 20);
    for (const name of ['a', 'b']) expect((await put(`${HOME}/${name}`, part)).status).toBe(200);
    expect((await put(`${HOME}/b`, part, true)).status).toBe(200);
    expect((await put(`${HOME}/c`, part)).status).toBe(200);
    const full = await put(`${HOME}/d`, 'x');
    expect(told(full)).toEqual([400, 'WORKSPACE_FULL']);
    expect(full.json.message).toContain('3 MiB');
    expect(existsSync(path.join(folder, 'Users/local/d'))).toBe(false);
    expect((await remove(`${HOME}/a`)).status).toBe(200);
    for (let n = 0; n < 17; n++) expect((await put(`${HOME}/f${n}`, '')).status).toBe(200);
    expect((await mkdirs(`${HOME}/folder`)).status).toBe(200);
    expect(told(await mkdirs(`${HOME}/folder/another`))).toEqual([400, 'WORKSPACE_FULL']);
    const many = await put(`${HOME}/more`, 'x');
    expect(many.json.message).toContain('20 files and folders');
    expect((await put(`${HOME}/f1`, 'changed', true)).status).toBe(200);
  });

  it('lets one of several writers make a file, and never shows half of one', { timeout: 30_000 }, async () => {
    const contents = Array.from({ length: 8 }, (_, n) => Buffer.alloc(200_000, String(n)));
    const made = await Promise.all(contents.map((content) => put(`${HOME}/lock`, content)));
    expect(made.filter((answer) => answer.status === 200)).toHaveLength(1);
    expect(made.filter((answer) => answer.status === 409)).toHaveLength(7);
    let isOver = false;
    const reader = (async () => {
      while (!isOver) {
        const { bytes } = await read(`${HOME}/lock`);
        expect([bytes.length, new Set(bytes).size]).toEqual([200_000, 1]);
      }
    })();
    for (let n = 0; n < 5; n++) await Promise.all(contents.map((content) => put(`${HOME}/lock`, content, true)));
    isOver = true;
    await reader;
  });

  it('says what is in the way', async () => {
    await put(`${HOME}/file`, 'x');
    await mkdirs(`${HOME}/folder`);
    expect(told(await mkdirs(`${HOME}/file`))).toEqual([409, 'WORKSPACE_PATH_EXISTS']);
    expect(told(await mkdirs(`${HOME}/file/below`))).toEqual([409, 'WORKSPACE_PATH_EXISTS']);
    expect(told(await put(`${HOME}/file/below`, 'x'))).toEqual([404, 'WORKSPACE_PARENT_MISSING']);
    expect(told(await put(`${HOME}/folder`, 'x', true))).toEqual([409, 'WORKSPACE_PATH_EXISTS']);
    expect(told(await put(HOME, 'x', true))).toEqual([409, 'WORKSPACE_PATH_EXISTS']);
    expect(told(await call('GET', '/api/2.0/workspace/get-status'))).toEqual([400, 'FIELD_MISSING']);
  });

  it('tells who may use a folder, and takes no for anybody else', async () => {
    const root = `${HOME}/.bundle/shop/default`;
    await mkdirs(root);
    const { object_id } = (await status(root)).json;
    const url = `/api/2.0/permissions/directories/${object_id}`;
    const mine = { user_name: 'local', permission_level: 'CAN_MANAGE' };
    const expected = {
      object_id: `/directories/${object_id}`,
      object_type: 'directory',
      access_control_list: [{ user_name: 'local', all_permissions: [{ permission_level: 'CAN_MANAGE' }] }],
    };
    expect(await call('GET', url)).toMatchObject({ status: 200, json: expected });
    expect(await call('PUT', url, { access_control_list: [mine] })).toMatchObject({ status: 200, json: expected });
    expect(await call('PATCH', url, {})).toMatchObject({ status: 200, json: expected });
    const other = { group_name: 'users', permission_level: 'CAN_READ' };
    const refused = await call('PUT', url, { access_control_list: [mine, other] });
    expect(told(refused)).toEqual([501, 'NOT_IMPLEMENTED']);
    expect(refused.json.message).toContain('CAN_READ on a folder for "users"');
    expect(refused.json.message).toContain('/Workspace/Shared');
    const both = { ...mine, group_name: 'users' };
    expect(told(await call('PUT', url, { access_control_list: [both] }))).toEqual([400, 'REQUEST_INVALID']);
    expect(told(await call('PUT', url, { access_control_list: [mine, mine] }))).toEqual([400, 'REQUEST_INVALID']);
    for (const top of ['/', '/Workspace/Users', HOME]) {
      const id = (await status(top)).json.object_id;
      expect((await call('GET', `/api/2.0/permissions/directories/${id}`)).status).toBe(200);
    }
    expect(told(await call('GET', '/api/2.0/permissions/directories/12'))).toEqual([404, 'WORKSPACE_PATH_NOT_FOUND']);
    expect((await call('GET', `${url}/permissionLevels`)).json.permission_levels).toHaveLength(1);
  });

  it('sweeps what a sidecar that died left behind, but not what another is writing', async () => {
    await server[Symbol.asyncDispose]();
    const incoming = path.join(folder, '.incoming');
    mkdirSync(path.join(incoming, 'old-folder/below'), { recursive: true });
    for (const name of ['old', 'new']) writeFileSync(path.join(incoming, name), 'x');
    const longAgo = new Date(Date.now() - 2 * 86_400_000);
    for (const name of ['old', 'old-folder']) utimesSync(path.join(incoming, name), longAgo, longAgo);
    await start({ folder });
    await status(`${HOME}/x`);
    expect(readdirSync(incoming)).toEqual(['new']);
  });

  it('says what to set where nothing is kept, and tells no path of the machine where it cannot be', async () => {
    await server[Symbol.asyncDispose]();
    await start({});
    const refused = await mkdirs(`${HOME}/x`);
    expect(told(refused)).toEqual([501, 'WORKSPACE_NOT_KEPT']);
    expect(refused.json.message).toContain('workspace.folder');
    expect(told(await put(`${HOME}/x`, 'x'))).toEqual([501, 'WORKSPACE_NOT_KEPT']);
    await server[Symbol.asyncDispose]();
    writeFileSync(path.join(top, 'no-folder'), '');
    await start({ folder: path.join(top, 'no-folder') });
    const unusable = await mkdirs(`${HOME}/x`);
    expect(told(unusable)).toEqual([500, 'WORKSPACE_UNUSABLE']);
    expect(unusable.json.message).not.toContain(top);
  });
});
