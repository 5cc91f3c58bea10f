import { z } from 'zod';
import { maybe } from '../../wire/wire-fields.js';
import { unreachableInstance } from './token-instances.js';

const token = z.object({
  token_id: z.string().describe('Its id on the first of its instances'),
  instances: z.array(z.string()).describe('The instances that know it'),
  role: z.string().describe('The Postgres role that calls with it act as'),
  description: z.string().nullable(),
  state: z.enum(['ACTIVE', 'EXPIRED', 'REVOKED', 'ROLE_MISSING']),
  created_by: z.string(),
  created_at: z.string(),
  expires_at: z.string().nullable(),
  revoked_at: z.string().nullable(),
  last_used_at: z.string().nullable().describe('To the hour; null if no request carried it yet'),
});

export const tokenListReply = z.object({
  tokens: z.array(token).describe('Newest first'),
  unreachable: z.array(unreachableInstance),
});

export const tokenInput = z.object({
  role: z.string().min(1).max(1_000),
  description: maybe(z.string().max(1_000)),
  expires_at: z.iso
    .datetime({ offset: true })
    .nullish()
    .describe('In 30 days unless given; null for a token that is valid until it is revoked'),
});

export const newTokenReply = z.object({
  token: z.string().describe('Shown this once'),
  token_id: z.string(),
  instances: z.array(z.string()),
  role: z.string(),
  expires_at: z.string().nullable(),
});

export const tokenParams = z.object({ token_id: z.string() });

export type TokenListReply = z.output<typeof tokenListReply>;
export type NewTokenReply = z.output<typeof newTokenReply>;
