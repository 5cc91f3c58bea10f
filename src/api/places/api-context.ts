import type { IncomingMessage, ServerResponse } from 'node:http';
import type { FastifyBaseLogger, FastifyInstance, RawServerDefault } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import type { Finding } from '../../core/finding.js';
import type { SourceBrowser } from '../../core/source-browser.js';
import type { Logger } from '../../observability/logger.js';
import type { Settings } from '../../settings/settings-schema.js';
import type { SourceRequest } from '../../sync/source/check-source.js';
import type { SourceReport } from '../../sync/source/describe-source.js';
import type { RowPreview, RowPreviewRequest } from '../../sync/source/preview-rows.js';
import type { SampleRequest, SourceSample } from '../../sync/source/sample-source.js';
import type { InstanceSet } from './api-instance.js';

/** Which version the rows were read at; null for sources without versions. */
type NamedRowPreview = RowPreview & { readonly version: bigint | null };

/** The configured catalogs, read with the sidecar's credentials. */
export interface Sources {
  /** Null if no catalog of that name is configured. */
  browser(catalog: string): SourceBrowser | null;
  /** See checkSource. */
  check(request: SourceRequest): Promise<void>;
  /** See SourceReports. */
  describe(name: string): Promise<SourceReport>;
  /** See previewRows: the rows of the newest version. */
  previewRows(name: string, request: RowPreviewRequest): Promise<NamedRowPreview>;
  /** See sampleSource. */
  sample(request: SampleRequest): Promise<SourceSample>;
}

/** What every route works with. */
export interface ApiContext {
  readonly instances: InstanceSet;
  readonly sources: Sources;
  readonly settings: Settings;
  readonly logger: Logger;
  /** The id under which the surrounding sidecar holds leases. */
  readonly sidecarId: string;
  /** Examines everything that the settings refer to. */
  readonly examine: () => Promise<Finding[]>;
}

/** The server, with request and reply types inferred from zod schemas. */
export type ApiServer = FastifyInstance<
  RawServerDefault,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  ZodTypeProvider
>;
