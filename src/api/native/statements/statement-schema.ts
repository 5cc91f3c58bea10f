import { z } from 'zod';

/** What a create request asks for, in every form in which it can be asked for. */
export const statements = z.object({
  sql: z.string(),
  cli: z.string().nullable().describe('Null where the command line has no option for something'),
  curl: z.string(),
  python: z.string(),
});

export type Statements = z.infer<typeof statements>;
