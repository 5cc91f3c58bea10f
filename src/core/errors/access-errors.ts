import type { ErrorKind } from './error-kind.js';

/** Who calls the HTTP API, and what a caller may do. */
export const accessErrors = {
  UNAUTHENTICATED: {
    message: 'The request cannot be authenticated: {reason}.',
    remedy: 'Send "Authorization: Bearer <token>" with a token from "synced-tables token create".',
    retry: 'manual',
    status: 401,
    apiCode: 'UNAUTHENTICATED',
    sqlState: '28000',
  },
  OIDC_ISSUER_UNREACHABLE: {
    message: 'The keys of OIDC issuer {issuer} cannot be read: {reason}.',
    remedy: 'Check api.oidc in the settings, and that the issuer can be reached from the sidecar.',
    retry: 'timed',
    status: 503,
    apiCode: 'TEMPORARILY_UNAVAILABLE',
    sqlState: '08006',
  },
  CROSS_SITE_REQUEST: {
    message: 'A request without a token was refused because a web page from {origin} seems to have sent it.',
    remedy: 'Create a token with "synced-tables token create", or call the address that the server listens on.',
    retry: 'none',
    status: 403,
    apiCode: 'PERMISSION_DENIED',
    sqlState: '42501',
  },
  CONSOLE_REQUEST_REFUSED: {
    message: 'A request with the session of the web console was refused: {reason}.',
    remedy:
      'Programs send "Authorization: Bearer <token>" instead of the cookie. Behind a proxy, set api.public_url to the address that browsers use.',
    retry: 'none',
    status: 403,
    apiCode: 'PERMISSION_DENIED',
    sqlState: '42501',
  },
  ACCESS_DENIED: {
    message: 'The role of this caller may not do that: {reason}.',
    remedy: 'Ask for the right that the message names; members of databricks_superuser may create, sync and delete.',
    retry: 'manual',
    status: 403,
    apiCode: 'PERMISSION_DENIED',
    sqlState: '42501',
  },
  TOKEN_ROLE_NOT_FOUND: {
    message: 'Role {role} does not exist.',
    remedy: "Create it first: SELECT databricks_create_role('{role}', 'USER');",
    retry: 'manual',
    status: 404,
    apiCode: 'NOT_FOUND',
    sqlState: '42704',
  },
  TOKEN_ROLE_REFUSED: {
    message: 'No token can be created for role {role}: {reason}.',
    remedy:
      'Use a dedicated role that has only the rights it needs; a member of databricks_superuser may create synced tables.',
    retry: 'manual',
    status: 403,
    apiCode: 'PERMISSION_DENIED',
    sqlState: '42501',
  },
  TOKEN_EXPIRY_PAST: {
    message: 'The token for role {role} would already have expired at {time}.',
    remedy: 'Give a time in the future, or none.',
    retry: 'none',
    status: 400,
    apiCode: 'INVALID_PARAMETER_VALUE',
    sqlState: '22023',
  },
  TOKEN_NOT_FOUND: {
    message: 'Token {token} does not exist.',
    remedy: 'See synced_tables.tokens, or "synced-tables token list", for those that do.',
    retry: 'manual',
    status: 404,
    apiCode: 'NOT_FOUND',
    sqlState: '42704',
  },
  CREDENTIAL_REFUSED: {
    message: 'Role {role} cannot have a database credential: {reason}.',
    remedy:
      'Use a token of a login role without a password, for example one made with databricks_create_role; ALTER ROLE … PASSWORD NULL removes a password.',
    retry: 'manual',
    status: 400,
    apiCode: 'INVALID_STATE',
    sqlState: '55000',
  },
} as const satisfies Record<string, ErrorKind>;
