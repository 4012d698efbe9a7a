import { Cluster, type Command, Redis, type RedisOptions } from 'ioredis';
import { StoreUnavailable } from './store-unavailable.js';

/**
 * A socket that owes us data for this long is given up, and the callers of what it carried are told
 * `store-unavailable`: a cut cable sends no FIN. Silence is what counts, not the age of a command: with a timer a
 * command, a burst that keeps the node busy for longer would fail although Redis had answered all of it.
 */
const SILENCE_TIMEOUT_MS = 2_000;
/** How long a command waits for a connection that is being made again. */
const READY_TIMEOUT_MS = 1_000;
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
} satisfies RedisOptions;

/** A connection to one Redis or to a Redis Cluster. Both take the same commands. */
export type RedisClient = Redis | Cluster;

/**
 * What is sent in one turn of the event loop leaves in one packet. The automatic pipelines of ioredis do that too, but
 * hold back what comes while one of them is under way, so Redis and the node would take turns.
 */
class GatheringRedis extends Redis {
  private gathering = false;

  override sendCommand(command: Command, stream?: Parameters<Redis['sendCommand']>[1]): unknown {
    if (!this.gathering && this.status === 'ready') {
      const { stream: socket } = this;
      this.gathering = true;
      socket.cork();
      process.nextTick(() => {
        this.gathering = false;
        socket.uncork();
      });
    }
    return super.sendCommand(command, stream);
  }
}

/**
 * Connects to what `REDIS_URL` names.
 *
 * @param url one `redis://` or `rediss://` URL; several, comma-separated, are seed nodes of a Redis Cluster
 */
function connectTo(url: string, options: { connectionName: string; autoResubscribe?: boolean }): RedisClient {
  const seeds = url.split(',');
  if (seeds.length === 1) return new GatheringRedis(url, { ...SAFE_OPTIONS, ...options });
  const { username, password, protocol } = new URL(seeds[0] ?? '');
  const { retryStrategy, ...redisOptions } = { ...SAFE_OPTIONS, ...options };
  return new Cluster(seeds, {
    redisOptions: {
      ...redisOptions,
      ...(username && { username: decodeURIComponent(username) }),
      ...(password && { password: decodeURIComponent(password) }),
      ...(protocol === 'rediss:' && { tls: {} }),
    },
    clusterRetryStrategy: retryStrategy,
    enableAutoPipelining: true,
    enableOfflineQueue: false,
    lazyConnect: true,
  });
}

/** A connection for commands: what is sent in one turn of the event loop travels together. */
export const commandConnection = (url: string, name: string): RedisClient =>
  connectTo(url, { connectionName: name });

/** A connection that subscribes; its user subscribes again at every `ready`. */
export const subscriberConnection = (url: string, name: string): RedisClient =>
  connectTo(url, { connectionName: name, autoResubscribe: false });

/**
 * A connection that is never made again once it broke: all that is sent on it reaches one process of Redis, so a
 * restart cannot hide between two commands. The caller connects and disconnects it.
 */
export const singleLifeConnection = (url: string, name: string): Redis =>
  new Redis(url, { ...SAFE_OPTIONS, connectionName: name, retryStrategy: () => null });

const waits = new WeakMap<RedisClient, Promise<void>>();

/**
 * Resolves when the connection can take a command: at once, or within {@link READY_TIMEOUT_MS} while it is
 * being made again. All callers of one outage share one wait, so it holds no memory a request.
 *
 * @throws StoreUnavailable when the connection did not come back in time; its cause is why the last attempt failed
 */
export function whenReady(redis: RedisClient): Promise<void> {
  let wait = waits.get(redis);
  if (wait === undefined) {
    wait = new Promise<void>((resolve, reject) => {
      const settle = (outcome: () => void) => {
        clearTimeout(timer);
        redis.off('ready', onReady);
        redis.off('error', onError);
        waits.delete(redis);
        outcome();
      };
      const onReady = () => settle(resolve);
      let cause: Error | undefined;
      const onError = (error: Error) => {
        cause = error;
      };
      const timer = setTimeout(
        () => settle(() => reject(new StoreUnavailable('Redis cannot be reached.', { cause }))),
        READY_TIMEOUT_MS,
      );
      redis.once('ready', onReady);
      redis.on('error', onError);
    });
    waits.set(redis, wait);
  }
  return wait;
}
