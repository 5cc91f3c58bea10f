import { z } from 'zod';
import type { StoreCredentials } from '../storage/temporary-credentials.js';
import { temporaryCredentials, toCredentials } from './unity-credentials.js';

const keys = z.object({
  accessKeyId: z.string(),
  secretAccessKey: z.string(),
  sessionToken: z.string().nullish(),
});

const inOwnSpelling = z.object({
  expirationTime: z.coerce.number().nullish(),
  awsTempCredentials: keys.nullish(),
  azureUserDelegationSas: z.object({ sasToken: z.string() }).nullish(),
  gcpOauthToken: z.object({ oauthToken: z.string() }).nullish(),
});

const inEither = z.union([
  inOwnSpelling.refine((found) => found.awsTempCredentials || found.azureUserDelegationSas || found.gcpOauthToken),
  temporaryCredentials,
]);

/** A sharing server's credentials: Unity Catalog's, in the spelling of Delta Sharing or in their own, with a wrapper or without. */
export const sharedCredentials = z.union([
  z.object({ credentials: inEither }).transform(({ credentials }) => credentials),
  inEither,
]);

/** Null if the answer holds none that a store takes. */
export function toSharedCredentials(found: z.infer<typeof sharedCredentials>): StoreCredentials | null {
  if (!isInOwnSpelling(found)) return toCredentials(found);
  const { expirationTime, awsTempCredentials: aws, azureUserDelegationSas: azure, gcpOauthToken: gcp } = found;
  return toCredentials({
    expiration_time: expirationTime,
    aws_temp_credentials: aws && {
      access_key_id: aws.accessKeyId,
      secret_access_key: aws.secretAccessKey,
      session_token: aws.sessionToken,
    },
    azure_user_delegation_sas: azure && { sas_token: azure.sasToken },
    gcp_oauth_token: gcp && { oauth_token: gcp.oauthToken },
  });
}

function isInOwnSpelling(found: z.infer<typeof sharedCredentials>): found is z.infer<typeof inOwnSpelling> {
  return 'awsTempCredentials' in found || 'azureUserDelegationSas' in found || 'gcpOauthToken' in found;
}
