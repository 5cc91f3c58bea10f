import type pg from 'pg';
import {
  askPreviewToEnd,
  type BegunPreview,
  beginPreview,
  type EndedPreview,
  endPreview,
  findPreview,
  type PreviewRecord,
  reportPreview,
} from '../../../postgres/registry/api/previews.js';
import { firstInstance } from '../../names/reserved-name.js';
import type { ApiContext } from '../../places/api-context.js';

interface PreviewName {
  readonly id: string;
  readonly caller: string;
}

/** Previews as all sidecars know them: in the home database of the first instance. */
export class SharedPreviews {
  readonly #context: ApiContext;

  constructor(context: ApiContext) {
    this.#context = context;
  }

  /** See beginPreview. */
  begin(preview: BegunPreview, reason: string): Promise<void> {
    return this.#do((client) => beginPreview(client, preview, reason));
  }

  /** See reportPreview. */
  report(id: string, steps: BegunPreview['steps']): Promise<string | null> {
    return this.#do((client) => reportPreview(client, id, steps));
  }

  /** See endPreview. */
  end(preview: EndedPreview): Promise<void> {
    return this.#do((client) => endPreview(client, preview));
  }

  /** See findPreview. */
  find(name: PreviewName): Promise<PreviewRecord | null> {
    return this.#do((client) => findPreview(client, name));
  }

  /** See askPreviewToEnd. */
  askToEnd(name: PreviewName, reason: string): Promise<void> {
    return this.#do((client) => askPreviewToEnd(client, name, reason));
  }

  #do<Result>(work: (client: pg.ClientBase) => Promise<Result>): Promise<Result> {
    return firstInstance(this.#context).home.asService(work);
  }
}
