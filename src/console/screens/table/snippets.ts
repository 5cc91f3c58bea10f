import type { TableSummary } from '../../../api/native/tables/table-summary-schema.js';
import { callSnippets, quoteIdentifier, quoteLiteral, quotePython, quoteShell } from '../../words/quoting.js';

/** Where a table is, for connection strings. */
export interface Place {
  readonly host: string;
  readonly port: string;
  readonly database: string;
  readonly role: string;
}

/** How programs connect, without a password: libraries take it from PGPASSWORD or ~/.pgpass. */
export function connectionSnippets(table: TableSummary, { host, port, database, role }: Place) {
  const select = selectOf(table, 10);
  const encoded = { role: encodeURIComponent(role), database: encodeURIComponent(database) };
  const address = host.includes(':') ? `[${host}]` : host;
  const options = `host=${host} port=${port} dbname=${quoteConnection(database)} user=${quoteConnection(role)}`;
  return {
    psql: `psql ${quoteShell(options)} -c ${quoteShell(select)}`,
    node: [
      `import pg from 'pg';`,
      '',
      `const client = new pg.Client({ host: ${JSON.stringify(host)}, port: ${port}, database: ${JSON.stringify(database)}, user: ${JSON.stringify(role)} });`,
      'await client.connect();',
      `const { rows } = await client.query(${JSON.stringify(select)});`,
      'console.log(rows);',
      'await client.end();',
    ].join('\n'),
    python: [
      'import psycopg',
      '',
      `with psycopg.connect(${quotePython(options)}) as connection:`,
      `    for row in connection.execute(${quotePython(select)}):`,
      '        print(row)',
    ].join('\n'),
    jdbc: `jdbc:postgresql://${address}:${port}/${encoded.database}?user=${encoded.role}`,
  };
}

/** A value of a connection string of libpq. */
function quoteConnection(value: string): string {
  return /^[\w.-]+$/.test(value) ? value : `'${value.replace(/[\\']/g, '\\$&')}'`;
}

function selectOf({ sql_name: name, key_columns: keys }: TableSummary, limit: number): string {
  const order = keys.length === 0 ? '' : ` ORDER BY ${keys.map(quoteIdentifier).join(', ')}`;
  return `SELECT * FROM ${name}${order} LIMIT ${limit}`;
}

/** What is done with a table, wherever from. */
export function tableSnippets(table: TableSummary, server: string) {
  const name = quoteLiteral(table.sql_name);
  const labels = `instance="${table.instance}",database="${table.database}",synced_table=${JSON.stringify(table.sql_name)}`;
  return {
    select: `${selectOf(table, 100)};`,
    credential: callSnippets(server, {
      method: 'POST',
      path: '/api/2.0/database/credentials',
      body: { instance_names: [table.instance] },
    }),
    listen: 'LISTEN synced_table_updates;',
    wait: `CALL synced_tables.wait_for_version(${name}, ${table.source_version ?? table.synced_version ?? 0});`,
    metrics: `synced_tables_lag_seconds{${labels}}\nsynced_tables_rows{${labels}}\nincrease(synced_tables_rows_written_total{${labels}}[1h])`,
  };
}
