import type { ApiContext } from './api-context.js';
import type { ApiDatabase } from './api-database.js';
import type { ApiInstance } from './api-instance.js';
import type { Caller } from './caller.js';

/** A looked-after database, and the instance that it is on. */
export interface DatabasePlace {
  readonly instance: ApiInstance;
  readonly database: ApiDatabase;
}

/** The looked-after databases that a caller has a role in. */
export function databasesOf(context: ApiContext, caller: Caller): DatabasePlace[] {
  return context.instances
    .of(caller)
    .flatMap((instance) => instance.databases().map((database) => ({ instance, database })));
}
