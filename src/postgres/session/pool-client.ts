import pg from 'pg';
import { clientConfig, type SessionOptions } from './session.js';

/**
 * The class of a pool's clients. Each reads the certificates of the connection string anew. If it cannot, that is what its
 * connecting fails with: a pool makes clients where nobody would catch an error.
 */
export function poolClient(options: SessionOptions): typeof pg.Client {
  return class extends pg.Client {
    readonly #fault: Error | null;

    constructor() {
      let fault: Error | null = null;
      let config: pg.ClientConfig = {};
      try {
        config = clientConfig(options);
      } catch (error) {
        fault = error as Error;
      }
      super(config);
      this.#fault = fault;
    }

    override connect(): Promise<pg.Client>;
    override connect(callback: (error: Error) => void): void;
    override connect(callback?: (error: Error) => void): unknown {
      const fault = this.#fault;
      if (fault === null) return callback === undefined ? super.connect() : super.connect(callback);
      if (callback === undefined) return Promise.reject(fault);
      process.nextTick(callback, fault);
      return undefined;
    }
  };
}
