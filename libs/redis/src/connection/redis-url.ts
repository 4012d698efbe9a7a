/** Where Redis is, as `REDIS_URL` says. */
export interface RedisTarget {
  /** One Redis; a Redis Cluster, by some of its nodes; or the primary that sentinels name. */
  readonly form: 'one' | 'cluster' | 'sentinel';
  /** Of that Redis, of cluster nodes, or of sentinels. */
  readonly addresses: readonly Address[];
  /** Of Redis itself, not of sentinels. */
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly db: number;
  readonly tls: boolean;
  /** What sentinels call the primary; empty in the other forms. */
  readonly primaryName: string;
}

export interface Address {
  readonly host: string;
  readonly port: number;
}

/** `REDIS_URL` has none of the forms that it may have. The message tells them, and never holds a password. */
export class InvalidRedisUrl extends Error {
  override readonly name = 'InvalidRedisUrl';

  constructor(why: string) {
    super(
      `${why}: expected redis://HOST:PORT/DB; redis://HOST:PORT,redis://HOST:PORT,... for some nodes of a Redis Cluster; ` +
        'or redis-sentinel://HOST:26379,HOST:26379/DB#PRIMARY. USER:PASSWORD@ stands before the first host, ' +
        'percent-encoded; rediss:// and rediss-sentinel:// speak TLS',
    );
  }
}

const SENTINEL = /^(redis(?:s?-sentinel|-sentinels)):\/\/([^/#]*)(?:\/(\d*))?(?:#(.+))?$/;
const DEFAULT_PORT = 6_379;
const DEFAULT_SENTINEL_PORT = 26_379;

/** @throws InvalidRedisUrl */
export function parseRedisUrl(text: string): RedisTarget {
  const [, scheme, authority = '', db = '', name] = SENTINEL.exec(text) ?? [];
  if (scheme !== undefined) return sentinelTarget(scheme, authority, db, name);
  const urls = text.split(',').map(plainUrl);
  const [first] = urls;
  if (first === undefined) throw new InvalidRedisUrl('it is empty');
  if (urls.length === 1) return { ...first, form: 'one', primaryName: '' };
  for (const { tls, db: other, username, password } of urls) {
    if (tls !== first.tls)
      throw new InvalidRedisUrl('some nodes are named by redis:// and some by rediss://');
    if (other !== 0) throw new InvalidRedisUrl('a Redis Cluster has the database 0 only');
    if ((username ?? first.username) !== first.username || (password ?? first.password) !== first.password) {
      throw new InvalidRedisUrl('the nodes of a Redis Cluster have one user and password');
    }
  }
  return {
    ...first,
    form: 'cluster',
    addresses: urls.flatMap(({ addresses }) => addresses),
    primaryName: '',
  };
}

function sentinelTarget(
  scheme: string,
  authority: string,
  db: string,
  name: string | undefined,
): RedisTarget {
  if (name === undefined) {
    throw new InvalidRedisUrl('the name that the sentinels give the primary is missing, as in #mymaster');
  }
  const at = authority.lastIndexOf('@');
  const hosts = authority.slice(at + 1).split(',');
  const addresses = hosts.map((host) => {
    const url = readUrl(`redis://${host}`);
    return { host: hostOf(url), port: Number(url.port || DEFAULT_SENTINEL_PORT) };
  });
  return {
    form: 'sentinel',
    addresses,
    ...credentialsOf(readUrl(`redis://${authority.slice(0, at + 1)}host`)),
    db: Number(db),
    tls: scheme !== 'redis-sentinel',
    primaryName: decodeURIComponent(name),
  };
}

function plainUrl(text: string): Omit<RedisTarget, 'form' | 'primaryName'> {
  const url = readUrl(text.trim());
  if (url.protocol !== 'redis:' && url.protocol !== 'rediss:') {
    throw new InvalidRedisUrl(`${url.protocol}// is no scheme of Redis`);
  }
  if (!/^\/?\d*$/.test(url.pathname))
    throw new InvalidRedisUrl('what follows the port is no number of a database');
  if (url.search !== '' || url.hash !== '') throw new InvalidRedisUrl('it has a query or a fragment');
  return {
    addresses: [{ host: hostOf(url), port: Number(url.port || DEFAULT_PORT) }],
    ...credentialsOf(url),
    db: Number(url.pathname.slice(1)),
    tls: url.protocol === 'rediss:',
  };
}

function readUrl(text: string): URL {
  // Of other schemes than http a URL may have no host.
  if (!URL.canParse(text) || new URL(text).hostname === '') throw new InvalidRedisUrl('it is no URL');
  return new URL(text);
}

/** IPv6 addresses stand in brackets in a URL alone. */
const hostOf = ({ hostname }: URL): string => hostname.replace(/^\[(.*)\]$/, '$1');

function credentialsOf({ username, password }: URL): Pick<RedisTarget, 'username' | 'password'> {
  try {
    return {
      username: username === '' ? undefined : decodeURIComponent(username),
      password: password === '' ? undefined : decodeURIComponent(password),
    };
  } catch {
    throw new InvalidRedisUrl('the user or the password is not percent-encoded');
  }
}
