import type pg from 'pg';
import { Turns } from '../../core/turns.js';
import { explainConnectError } from './connect-errors.js';
import { closeSession, connect, isDirect, type SessionOptions, setUpSession } from './session.js';
import { sessionSettings } from './session-settings.js';
import { forgetStatementNames, type Query } from './unnamed-statements.js';

/**
 * A session for statements each of which could as well run in a session of its own: short commands. Behind a pooler they may do
 * just that, so nothing is left in a session there: each statement brings our settings along, in a transaction with them.
 * @throws what `connect` throws
 */
export async function openShortSession(options: SessionOptions): Promise<pg.Client> {
  const client = await connect(options);
  try {
    if (await isDirect(client)) await setUpSession(client, options);
    else useTransactions(client, `begin; ${sessionSettings(options, 'transaction')}`);
    return client;
  } catch (error) {
    await closeSession(client);
    throw explainConnectError(error, options.url);
  }
}

/** From now on each statement of a session is a transaction that starts with `begin`. */
function useTransactions(client: pg.Client, begin: string): void {
  forgetStatementNames(client);
  const turns = new Turns();
  const query = client.query.bind(client) as unknown as Query;
  const inTransaction: Query = (...given) =>
    turns.during(async () => {
      await query(begin);
      try {
        const result = await query(...given);
        await query('commit');
        return result;
      } catch (error) {
        await query('rollback').catch(() => {});
        throw error;
      }
    });
  client.query = inTransaction as unknown as typeof client.query;
}
