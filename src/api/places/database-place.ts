import type { ApiContext } from './api-context.js';
import type { ApiDatabase } from './api-database.js';
import type { ApiInstance } from './api-instance.js';
import type { Caller } from './caller.js';

/** A managed database and its instance. */
export interface DatabasePlace {
  readonly instance: ApiInstance;
  readonly database: ApiDatabase;
}

/** The managed databases in which a caller has a role. */
export function databasesOf(context: ApiContext, caller: Caller): DatabasePlace[] {
  return context.instances
    .of(caller)
    .flatMap((instance) => instance.databases().map((database) => ({ instance, database })));
}
