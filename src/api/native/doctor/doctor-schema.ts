import { z } from 'zod';

export const doctorReply = z.object({
  findings: z
    .array(
      z.object({
        severity: z.enum(['error', 'warning', 'hint', 'ok']),
        code: z.string(),
        subject: z
          .string()
          .describe('machine, catalog NAME, an instance, instance/database, or that followed by a table'),
        message: z.string(),
        remedy: z.string().nullable(),
      }),
    )
    .describe('The worst first'),
  started_at: z.string().nullable().describe('When they were looked for; null if this sidecar never did'),
  finished_at: z.string().nullable(),
  is_running: z.boolean().describe('Whether another examination is under way'),
  wait_seconds: z.int().describe('Until another may be asked for'),
});

export type DoctorReply = z.output<typeof doctorReply>;
