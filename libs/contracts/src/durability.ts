import { z } from 'zod';

export const durabilitySchema = z
  .enum(['local', 'fsync', 'replicated'])
  .describe(
    'When a change is answered: `local`, when the primary of Redis has it; `fsync`, when it is on its disk; `replicated`, when a replica has it',
  );
/** How safe a change of state is when it is answered. */
export type Durability = z.infer<typeof durabilitySchema>;

/** The level that was met before a change of locks was answered. */
export const lockLevelSchema = durabilitySchema.describe('How safe this change is: the level of the node');
