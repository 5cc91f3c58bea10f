/** What start-object-store.mjs exports, for tests in TypeScript. */
export interface StartedStore {
  /** URL of the bucket. */
  readonly url: string;
  readonly settings: {
    readonly s3?: { endpoint: string; region: string; accessKeyId: string; secretAccessKey: string };
    readonly gcs?: { endpoint: string };
    readonly azure?: { endpoint: string; accountKey: string };
  };
  put(key: string, content: Buffer): Promise<void>;
  stop(): Promise<void>;
}

export declare const objectStores: Readonly<Record<'s3' | 'gcs' | 'azure', () => Promise<StartedStore>>>;

/** A port that nobody listens on at this moment. */
export function freePort(): Promise<number>;
