import type { Tracing } from '@syncline/client';
import type { EmbedOptions } from '@syncline/client/ports';
import { checked, durabilitySchema, ROLES, ValidationFailed } from '@syncline/contracts';
import { InvalidRedisUrl, parseRedisUrl, type RedisAccess } from '@syncline/redis';
import { z } from 'zod';

const pem = z.string().optional();
const redisSchema = z.strictObject({
  url: z.string(),
  sentinel: z.strictObject({ username: z.string().optional(), password: z.string().optional() }).optional(),
  tls: z.strictObject({ ca: pem, cert: pem, key: pem, servername: z.string().optional() }).optional(),
});

const optionsSchema = z.strictObject({
  redis: z.union([z.string().transform((url) => ({ url })), redisSchema]),
  name: z
    .string()
    .regex(/^[A-Za-z0-9._-]{1,32}$/, 'expected 1 to 32 characters out of A-Z a-z 0-9 . _ -')
    .default('embedded'),
  roles: z.array(z.enum(ROLES)).default([...ROLES]),
  timers: z.boolean().default(true),
  namespace: z
    .string()
    .regex(/^[\w-]{1,64}$/, 'expected 1 to 64 letters, digits, "_" or "-"')
    .optional(),
  lockDurability: durabilitySchema.default('local'),
  nearCacheBytes: z.int().min(0).default(67_108_864),
  releaseOnClose: z.boolean().default(false),
  tracing: z.custom<Tracing>((given) => given !== null && typeof given === 'object').optional(),
});

/** @throws ValidationFailed */
export function readOptions(options: EmbedOptions) {
  const { namespace, redis: access, ...settings } = checked(optionsSchema, options, 'options');
  try {
    parseRedisUrl(access.url);
  } catch (error) {
    // Its message has no password.
    if (error instanceof InvalidRedisUrl)
      throw new ValidationFailed([{ path: 'redis', message: error.message }]);
    throw error;
  }
  return { ...settings, redis: { ...access, namespace } satisfies RedisAccess };
}
export type Settings = ReturnType<typeof readOptions>;
