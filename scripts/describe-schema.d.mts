import type pg from 'pg';

export function describeSchema(client: pg.Client, options?: { readonly bodies?: boolean }): Promise<string>;
