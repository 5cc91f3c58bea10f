import { z } from 'zod';
import type { StoreCredentials } from '../storage/temporary-credentials.js';

const awsCredentials = z.object({
  access_key_id: z.string(),
  secret_access_key: z.string(),
  session_token: z.string().nullish(),
});

/** A server's answer to a request for temporary credentials. */
export const temporaryCredentials = z.object({
  expiration_time: z.coerce.number().nullish(),
  aws_temp_credentials: awsCredentials.nullish(),
  r2_temp_credentials: awsCredentials.nullish(),
  azure_user_delegation_sas: z.object({ sas_token: z.string() }).nullish(),
  azure_aad: z.object({ aad_token: z.string() }).nullish(),
  gcp_oauth_token: z.object({ oauth_token: z.string() }).nullish(),
});

/** Null if the answer holds none that a store takes. */
export function toCredentials(found: z.infer<typeof temporaryCredentials>): StoreCredentials | null {
  const expiresAtMs = found.expiration_time ?? null;
  const aws = found.aws_temp_credentials ?? found.r2_temp_credentials;
  if (aws) {
    const { access_key_id: accessKeyId, secret_access_key: secretAccessKey, session_token: token } = aws;
    return { expiresAtMs, aws: { accessKeyId, secretAccessKey, sessionToken: token ?? undefined } };
  }
  if (found.azure_user_delegation_sas) return { expiresAtMs, azureSas: found.azure_user_delegation_sas.sas_token };
  if (found.azure_aad) return { expiresAtMs, azureToken: found.azure_aad.aad_token };
  if (found.gcp_oauth_token) return { expiresAtMs, gcpToken: found.gcp_oauth_token.oauth_token };
  return null;
}
