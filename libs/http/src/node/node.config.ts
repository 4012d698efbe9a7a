import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { durabilitySchema, InvalidKeysFile, nodeIdSchema, type Role } from '@syncline/contracts';
import { InvalidRedisUrl, parseRedisUrl, type RedisAccess } from '@syncline/redis';
import { z } from 'zod';
import { readKeysFile } from '../access/keys-file.js';
import { InvalidCertificate, readCertificate, type TlsFiles } from '../tls/certificate.js';
import { collectorOf, TRACES_VARIABLES } from '../traces/traces.config.js';
import { exposureOf } from './exposure.js';

const DEFAULT_PORTS = { lock: 8001, queue: 8004, cache: 8007 } as const satisfies Record<Role, number>;

const peersSchema = z.string().transform((text, context): { nodeId: string; address: string }[] =>
  text
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '')
    .map((entry) => {
      const [nodeId, address, ...rest] = entry.split('@');
      const url = `http://${address}`;
      if (
        !nodeIdSchema.safeParse(nodeId).success ||
        rest.length > 0 ||
        !/.:\d+$/.test(url) ||
        !URL.canParse(url)
      ) {
        context.addIssue(`expected NODE_ID@HOST:PORT, comma-separated, as in lock_manager_1@localhost:8001`);
      }
      return { nodeId: nodeId ?? '', address: address ?? '' };
    }),
);

const namedSecretSchema = z.strictObject({
  name: z.string().regex(/\S/),
  // Visible ASCII, which can be sent in a header.
  secret: z.string().regex(/^[\x21-\x7e]{16,}$/),
  right: z.enum(['read', 'write', 'admin']),
});
/** One entry of `API_KEYS`: name, secret, and right (each right includes the ones before it). */
type NamedSecret = z.infer<typeof namedSecretSchema>;

const apiKeysSchema = z.string().transform((text, context): NamedSecret[] => {
  const entries = text
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '');
  // The variable is set, so the operator expects that keys are required.
  if (entries.length === 0) context.addIssue('it has no key; leave it empty to require no keys');
  const placeOf = new Map<string, number>();
  return entries.map((entry, index) => {
    const [name, secret, right, ...rest] = entry.split(':');
    const key = namedSecretSchema.safeParse({ name, secret, right });
    // The message must not quote the entry, which has a secret.
    if (!key.success || rest.length > 0) {
      context.addIssue(
        `entry ${index + 1}: expected NAME:SECRET:read|write|admin, with a secret of at least 16 visible ASCII characters`,
      );
      return { name: '', secret: '', right: 'read' };
    }
    const same = placeOf.get(key.data.secret);
    if (same !== undefined) {
      context.addIssue(
        `entry ${index + 1}: the same secret as entry ${same}; use a different one for each key`,
      );
    }
    placeOf.set(key.data.secret, index + 1);
    return key.data;
  });
});

const keysFileSchema = z.string().transform((path, context) => {
  try {
    return { path, ...readKeysFile(path) };
  } catch (error) {
    if (!(error instanceof InvalidKeysFile)) throw error;
    context.addIssue(`${path}: ${error.message}`);
    return z.NEVER;
  }
});

const HOST = /^(?:\*|(?:\*\.)?[a-z0-9_-]+(?:\.[a-z0-9_-]+)*)$/;
const hostsSchema = z.string().transform((text, context): string[] =>
  text
    .split(',')
    .map((entry) => entry.trim().toLowerCase())
    .filter((entry) => entry !== '')
    .map((host) => {
      if (!HOST.test(host))
        context.addIssue(
          'expected names without ports, comma-separated, as in lock.example.com, *.example.com, or *',
        );
      return host;
    }),
);

const redisUrlSchema = z.string().superRefine((text, context) => {
  try {
    parseRedisUrl(text);
  } catch (error) {
    if (!(error instanceof InvalidRedisUrl)) throw error;
    context.addIssue(error.message);
  }
});

/** A file in PEM, by its path. */
const pemSchema = z.string().transform((path, context) => {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    context.addIssue(`cannot read the file ${path}`);
    return '';
  }
});

/** The paths of files in PEM. */
interface TlsEnv {
  readonly TLS_CERT?: string | undefined;
  readonly TLS_KEY?: string | undefined;
  readonly TLS_CLIENT_CA?: string | undefined;
  readonly TLS_CLIENT_REQUIRED: boolean;
}

/** `tls`: the files of the certificate; undefined for plain HTTP. `scheme`: of the URLs of this node and its peers. */
function checkTls<Env extends TlsEnv>(
  env: Env,
  context: z.core.$RefinementCtx,
): Env & { tls: TlsFiles | undefined; scheme: 'http' | 'https' } {
  const { TLS_CERT: cert, TLS_KEY: key, TLS_CLIENT_CA: clientCa } = env;
  if (env.TLS_CLIENT_REQUIRED && clientCa === undefined) {
    context.addIssue({ code: 'custom', path: ['TLS_CLIENT_REQUIRED'], message: 'set TLS_CLIENT_CA, too' });
  }
  if (cert === undefined && key === undefined && clientCa === undefined) {
    return { ...env, tls: undefined, scheme: 'http' };
  }
  const tls = { cert: cert ?? '', key: key ?? '', clientCa };
  try {
    if (cert === undefined || key === undefined)
      throw new InvalidCertificate('set both, or neither; TLS_CLIENT_CA needs both');
    readCertificate(tls);
  } catch (error) {
    if (!(error instanceof InvalidCertificate)) throw error;
    context.addIssue({ code: 'custom', path: ['TLS_CERT, TLS_KEY'], message: error.message });
  }
  return { ...env, tls, scheme: 'https' };
}

const requiresKeys = (env: { API_KEYS: readonly unknown[]; API_KEYS_FILE?: unknown }): boolean =>
  env.API_KEYS.length > 0 || env.API_KEYS_FILE !== undefined;

/** The variables of a node of any role. */
const nodeConfigSchema = (role: Role) =>
  z
    .object({
      NODE_ID: nodeIdSchema.optional(),
      HOST: z.string().optional(),
      PORT: z.coerce.number().int().min(0).max(65_535).default(DEFAULT_PORTS[role]),
      NODE_URL: z.url().optional(),
      REDIS_URL: redisUrlSchema.default('redis://localhost:6379'),
      REDIS_SENTINEL_USERNAME: z.string().optional(),
      REDIS_SENTINEL_PASSWORD: z.string().optional(),
      REDIS_CA: pemSchema.optional(),
      REDIS_CERT: pemSchema.optional(),
      REDIS_KEY: pemSchema.optional(),
      REDIS_SERVERNAME: z.string().optional(),
      SYNCLINE_NAMESPACE: z
        .string()
        .regex(/^[\w-]{1,64}$/, 'expected 1 to 64 letters, digits, "_" or "-"')
        .optional(),
      PEERS: peersSchema.default([]),
      LOG_LEVEL: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info'),
      API_KEYS: apiKeysSchema.default([]),
      API_KEYS_FILE: keysFileSchema.optional(),
      ALLOW_ANONYMOUS: z.stringbool().default(false),
      ALLOWED_HOSTS: hostsSchema.optional(),
      TLS_CERT: z.string().optional(),
      TLS_KEY: z.string().optional(),
      TLS_CLIENT_CA: z.string().optional(),
      TLS_CLIENT_REQUIRED: z.stringbool().default(false),
      MAX_CONNECTIONS: z.coerce.number().int().min(2).max(1_000_000).default(10_000),
      SQS_PUBLIC_URL: z.url({ protocol: /^https?$/ }).optional(),
      LOCK_DURABILITY: durabilitySchema.default('local'),
      ...TRACES_VARIABLES,
    })
    .transform(checkTls)
    .transform((env) => ({
      role,
      nodeId: env.NODE_ID ?? `${role}_${hostname()}_${env.PORT}`,
      exposure: exposureOf(env.HOST, {
        requiresKeys: requiresKeys(env),
        allowsAnonymous: env.ALLOW_ANONYMOUS,
      }),
      port: env.PORT,
      url: env.NODE_URL,
      redis: {
        url: env.REDIS_URL,
        sentinel: { username: env.REDIS_SENTINEL_USERNAME, password: env.REDIS_SENTINEL_PASSWORD },
        tls: {
          ...(env.REDIS_CA !== undefined && { ca: env.REDIS_CA }),
          ...(env.REDIS_CERT !== undefined && { cert: env.REDIS_CERT }),
          ...(env.REDIS_KEY !== undefined && { key: env.REDIS_KEY }),
          ...(env.REDIS_SERVERNAME !== undefined && { servername: env.REDIS_SERVERNAME }),
        },
        namespace: env.SYNCLINE_NAMESPACE,
      } satisfies RedisAccess,
      tls: env.tls,
      requiresCertificates: env.TLS_CLIENT_REQUIRED,
      scheme: env.scheme,
      peers: env.PEERS.map(({ nodeId, address }) => ({ nodeId, url: `${env.scheme}://${address}` })),
      logLevel: env.LOG_LEVEL,
      apiKeys: env.API_KEYS,
      apiKeysFile: env.API_KEYS_FILE,
      /** Whether callers need a key. */
      requiresKeys: requiresKeys(env),
      allowedHosts: env.ALLOWED_HOSTS,
      maxConnections: env.MAX_CONNECTIONS,
      lockDurability: env.LOCK_DURABILITY,
      /** Where clients of SQS reach the queue nodes; undefined: where they asked. */
      sqsPublicUrl: env.SQS_PUBLIC_URL,
      collector: collectorOf(env),
    }));

/** Largest request body, and largest message of a call stream, in bytes. */
export const MAX_BODY_BYTES = 1_048_576;
/** Injection token of {@link NodeConfig}. */
export const NODE_CONFIG = Symbol('NODE_CONFIG');
export type NodeConfig = Readonly<z.infer<ReturnType<typeof nodeConfigSchema>>>;

/** The environment has invalid variables. The message names each variable, but never its value. */
export class InvalidConfig extends Error {
  override readonly name = 'InvalidConfig';
}

/**
 * Reads the configuration of a node and freezes it.
 *
 * @throws InvalidConfig with the name of every invalid variable
 */
export function readNodeConfig(role: Role, env: NodeJS.ProcessEnv): NodeConfig {
  // Docker Compose and shells pass unset variables as empty ones.
  const set = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''));
  const config = nodeConfigSchema(role).safeParse(set);
  if (config.success) return Object.freeze(config.data);
  const lines = config.error.issues.map((issue) => `  ${issue.path.join('.')}: ${issue.message}`);
  throw new InvalidConfig(`The configuration is not valid:\n${lines.join('\n')}\nSee .env.example.`);
}
