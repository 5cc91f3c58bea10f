import { z } from 'zod';
import { hasPassword, postgresUrlFault, withHost } from '../core/postgres-url.js';

export const postgresUrl = z
  .string()
  .superRefine((url, context) => {
    const fault = postgresUrlFault(url);
    if (fault !== null) context.addIssue({ code: 'custom', message: fault });
  })
  .transform(withHost);

/** Where a password comes from that may change: it is read anew for each connection. */
export const passwordSource = {
  /** A file that holds the password and nothing else; relative to the settings file. */
  password_file: z.string().min(1).optional(),
  /** A command of the shell that prints the password, such as one that makes a token. */
  password_command: z.string().min(1).optional(),
};

interface PasswordPlaces {
  readonly url: string;
  readonly direct_url?: string | undefined;
  readonly password_file?: string | undefined;
  readonly password_command?: string | undefined;
}

export function hasOnePassword({
  url,
  direct_url: direct,
  password_file: file,
  password_command: command,
}: PasswordPlaces) {
  const inUrls = [url, direct ?? ''].some(hasPassword);
  return [inUrls, file !== undefined, command !== undefined].filter(Boolean).length <= 1;
}

export const ONE_PASSWORD = {
  path: ['password_file'],
  error: 'one of a password in the url, password_file and password_command',
};

/** Any text but none. */
export const text = z.string().min(1);
