import type { Field } from '../../core/data-type.js';
import type { SharedAnswer } from './shared-answer.js';

/**
 * What a sharing server can be asked about a table. Each throws SOURCE_TABLE_NOT_FOUND, CATALOG_ACCESS_DENIED,
 * CATALOG_TOKEN_REFUSED, CATALOG_UNREACHABLE, CATALOG_ANSWER_INVALID, and SHARING_REQUEST_REFUSED where the server has its
 * own reasons not to answer this request.
 */
export interface SharedTableApi {
  /** The newest version. */
  version(): Promise<bigint>;
  /** Without files. Of earlier versions only where the provider shares the history. */
  metadata(version?: bigint): Promise<SharedAnswer>;
  /**
   * With the files of the newest version, of a version, or those that a token stands for.
   * @param statisticsOf columns for which the statistics of the files are read
   */
  query(
    wanted?: { readonly version?: bigint; readonly refreshToken?: string },
    statisticsOf?: readonly Field[],
  ): Promise<SharedAnswer>;
  /** Files with the changes of these versions, both included; only where the provider shares the history. */
  changes(from: bigint, to: bigint): Promise<SharedAnswer>;
}
