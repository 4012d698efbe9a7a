import { type Cluster, Redis, type RedisOptions } from 'ioredis';
import { StoreUnavailable } from '../store-unavailable.js';
import { mistakeBehind } from '../unsuitable-redis.js';
import { namespacePrefix, type RedisAccess } from './access.js';
import { gather } from './gather.js';
import { LastingRedis } from './lasting-redis.js';
import { hearLaterErrors } from './later-errors.js';
import { NO_RESENDS, OneOutcomeCluster } from './one-outcome-cluster.js';
import { type Address, parseRedisUrl, type RedisTarget } from './redis-url.js';
import { identify } from './run-id.js';
import { seedConnector } from './seed-connector.js';

/**
 * A socket that owes us data for this long is given up, and the callers of what it carried are told
 * `store-unavailable`: a cut cable sends no FIN. Silence is what counts, not the age of a command: with a timer a
 * command, a burst that keeps the node busy for longer would fail although Redis had answered all of it.
 */
const SILENCE_TIMEOUT_MS = 2_000;
/** How long a command waits for a connection that is being made again. */
const READY_TIMEOUT_MS = 1_000;
/** How long a sentinel may take to say where the primary is; the next one is asked then. */
const SENTINEL_TIMEOUT_MS = 500;
const RECONNECT_MIN_MS = 50;
const RECONNECT_MAX_MS = 500;

/**
 * Options of every connection. ioredis' defaults resend commands whose outcome is unknown and queue without
 * bound while Redis is away: a command could run twice, or long after its caller was told that it failed.
 */
const SAFE_OPTIONS = {
  autoResendUnfulfilledCommands: false,
  enableOfflineQueue: false,
  maxRetriesPerRequest: 0,
  socketTimeout: SILENCE_TIMEOUT_MS,
  connectTimeout: 1_000,
  retryStrategy: (attempt: number) => Math.min(attempt * RECONNECT_MIN_MS, RECONNECT_MAX_MS),
  lazyConnect: true,
  // From Redis 7.2 on it takes a right of its own, and each refusal stands in the log of refusals.
  disableClientInfo: true,
} satisfies RedisOptions;

/** A connection to one Redis or to a Redis Cluster. Both take the same commands. */
export type RedisClient = Redis | Cluster;

/** A connection that turned out to lead to a replica is made again: after a failover the address leads elsewhere. */
const reconnectOnError = (error: Error): boolean => error.message.startsWith('READONLY');

type Options = Pick<
  RedisOptions,
  'connectionName' | 'autoResubscribe' | 'retryStrategy' | 'Connector' | 'keyPrefix'
>;

/** A connection to one process of Redis, or to the primary that sentinels name. */
function connectToOne(
  { sentinel, tls: files = {} }: RedisAccess,
  target: RedisTarget,
  options: Options,
): Redis {
  const { form, addresses, username, password, db, primaryName } = target;
  const [first] = addresses;
  const tls = target.tls ? { tls: { ...files } } : {};
  const where =
    form === 'sentinel'
      ? {
          sentinels: addresses.map(({ host, port }) => ({ host, port })),
          name: primaryName,
          role: 'master' as const,
          // Told of a failover by the sentinels, before the old primary knows that it is one no more.
          failoverDetector: true,
          sentinelCommandTimeout: SENTINEL_TIMEOUT_MS,
          // A connection of one life must fail when all sentinels are away, not look for them for ever.
          sentinelRetryStrategy: options.retryStrategy ?? SAFE_OPTIONS.retryStrategy,
          ...(sentinel?.username !== undefined && { sentinelUsername: sentinel.username }),
          ...(sentinel?.password !== undefined && { sentinelPassword: sentinel.password }),
          ...(target.tls && { sentinelTLS: { ...files }, enableTLSForSentinelMode: true }),
        }
      : { ...first };
  const Connection = options.retryStrategy === undefined ? LastingRedis : Redis;
  const redis = new Connection({
    ...SAFE_OPTIONS,
    reconnectOnError,
    ...where,
    ...tls,
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    db,
    ...options,
  });
  gather(redis);
  identify(redis);
  hearLaterErrors(redis);
  return redis;
}

function connectToCluster({ tls: files = {} }: RedisAccess, target: RedisTarget, options: Options): Cluster {
  const { retryStrategy, ...redisOptions } = SAFE_OPTIONS;
  const { username, password } = target;
  const cluster = new OneOutcomeCluster([...target.addresses], {
    ...NO_RESENDS,
    redisOptions: {
      ...redisOptions,
      ...options,
      ...(username !== undefined && { username }),
      ...(password !== undefined && { password }),
      ...(target.tls && { tls: { ...files } }),
    },
    clusterRetryStrategy: retryStrategy,
    // A certificate names hosts, not the addresses that they are looked up to.
    ...(target.tls && { dnsLookup: (host, done) => done(null, host) }),
    lazyConnect: true,
  });
  cluster.on('+node', (node: Redis) => {
    gather(node);
    identify(node);
    hearLaterErrors(node);
  });
  return cluster;
}

const targetOf = ({ url }: RedisAccess): RedisTarget => parseRedisUrl(url);
const accessOf = (redis: string | RedisAccess): RedisAccess =>
  typeof redis === 'string' ? { url: redis } : redis;

/** A connection for commands: what is sent in one turn of the event loop travels together. */
export function commandConnection(redis: string | RedisAccess, connectionName: string): RedisClient {
  const access = accessOf(redis);
  const target = targetOf(access);
  const connect = target.form === 'cluster' ? connectToCluster : connectToOne;
  return connect(access, target, { connectionName, keyPrefix: namespacePrefix(access) });
}

/** A connection that subscribes; its user subscribes again at every `ready`. On a Redis Cluster it leads to any node. */
export function subscriberConnection(redis: string | RedisAccess, connectionName: string): Redis {
  const access = accessOf(redis);
  const target = targetOf(access);
  const options = { connectionName, autoResubscribe: false };
  if (target.form !== 'cluster') return connectToOne(access, target, options);
  const Connector = seedConnector(target.addresses, target.tls ? (access.tls ?? {}) : undefined);
  return connectToOne(access, target, { ...options, Connector });
}

/**
 * A connection that is never made again once it broke: all that is sent on it reaches one process of Redis, so a
 * restart cannot hide between two commands. The caller connects and disconnects it.
 *
 * @param address of one node of a Redis Cluster. Default: as `REDIS_URL` says
 */
export function singleLifeConnection(
  redis: string | RedisAccess,
  connectionName: string,
  address?: Address,
): Redis {
  const access = accessOf(redis);
  const target = targetOf(access);
  const addresses = address === undefined ? target.addresses : [address];
  const keyPrefix = namespacePrefix(access);
  return connectToOne(
    access,
    { ...target, addresses },
    { connectionName, keyPrefix, retryStrategy: () => null },
  );
}

const waits = new WeakMap<RedisClient, Promise<void>>();

/**
 * Resolves when the connection can take a command: at once, or within {@link READY_TIMEOUT_MS} while it is
 * being made again. All callers of one outage share one wait, so it holds no memory a request.
 *
 * @throws StoreUnavailable when the connection did not come back in time, or failed by a mistake in the configuration; its
 *   cause is why the last attempt failed
 */
export function whenReady(redis: RedisClient): Promise<void> {
  let wait = waits.get(redis);
  if (wait === undefined) {
    wait = new Promise<void>((resolve, reject) => {
      const settle = (outcome: () => void) => {
        clearTimeout(timer);
        redis.off('ready', onReady);
        redis.off('error', onError);
        redis.off('sentinelError', onSentinelError);
        waits.delete(redis);
        outcome();
      };
      const onReady = () => settle(resolve);
      const giveUp = () =>
        settle(() =>
          reject(new StoreUnavailable('Redis cannot be reached.', { cause: sentinelCause ?? cause })),
        );
      let cause: Error | undefined;
      const onError = (error: Error) => {
        cause = error;
        // Waiting does not mend a mistake.
        if (mistakeBehind(sentinelCause ?? error) !== undefined) giveUp();
      };
      // Says more than that all sentinels failed.
      let sentinelCause: Error | undefined;
      const onSentinelError = (error: Error) => {
        sentinelCause = error;
      };
      const timer = setTimeout(giveUp, READY_TIMEOUT_MS);
      redis.once('ready', onReady);
      redis.on('error', onError);
      redis.on('sentinelError', onSentinelError);
    });
    waits.set(redis, wait);
  }
  return wait;
}
