import { checked, durabilitySchema, type Role, ValidationFailed } from '@syncline/contracts';
import { InvalidRedisUrl, parseRedisUrl, type RedisAccess } from '@syncline/redis';
import { z } from 'zod';

/** Which Redis, with what a URL cannot say. */
export type EmbeddedRedis = Omit<RedisAccess, 'namespace'>;

/** How to embed the engines. */
export interface EmbedOptions {
  /**
   * `redis(s)://[user:password@]host:port[/db]`; several of them, comma-separated, for a Redis Cluster; or
   * `redis-sentinel(s)://[user:password@]host:port,host:port[/db]#primary-name`.
   */
  readonly redis: string | EmbeddedRedis;
  /** Begins the id of this member, as `/v1/cluster` shows it. 1 to 32 of A-Z a-z 0-9 . _ -. Default `embedded`. */
  readonly name?: string;
  /** The engines to start. Default: all. */
  readonly roles?: readonly Role[];
  /**
   * Whether this member takes over its share of the timers: delays, visibility timeouts, retention. Default true; false for
   * processes that live only seconds.
   */
  readonly timers?: boolean;
  /** As `SYNCLINE_NAMESPACE` of nodes: keeps this cluster apart from others on the same Redis. */
  readonly namespace?: string;
  /** As `LOCK_DURABILITY` of nodes. Default `local`. */
  readonly lockDurability?: 'local' | 'fsync' | 'replicated';
  /** Memory for cached values, overhead included: of all caches together. Default 67,108,864 (64 MiB). */
  readonly nearCacheBytes?: number;
  /** As of `new Syncline`. */
  readonly releaseOnClose?: boolean;
}

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
  roles: z.array(z.enum(['lock', 'queue', 'cache'])).default(['lock', 'queue', 'cache']),
  timers: z.boolean().default(true),
  namespace: z
    .string()
    .regex(/^[\w-]{1,64}$/, 'expected 1 to 64 letters, digits, "_" or "-"')
    .optional(),
  lockDurability: durabilitySchema.default('local'),
  nearCacheBytes: z.int().min(0).default(67_108_864),
  releaseOnClose: z.boolean().default(false),
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
