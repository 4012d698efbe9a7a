import { refusalOfUser, StoreUnavailable } from './store-unavailable.js';

/** This Redis cannot provide what the services guarantee. The message says how to fix it. */
export class UnsuitableRedis extends Error {
  override readonly name = 'UnsuitableRedis';
}

/** What Redis, a sentinel or TLS says of a mistake in the configuration, and how to mend that. */
const MISTAKES: readonly (readonly [RegExp, string])[] = [
  [
    /cluster support disabled/,
    'REDIS_URL names several addresses, as of a Redis Cluster, but a single Redis answers there: name one.',
  ],
  [
    /invalid reply: null|No such master with that name/,
    'The sentinels know no primary by the name that follows # in REDIS_URL: set the one of `sentinel monitor`.',
  ],
  [
    /unknown command .?sentinel/i,
    'REDIS_URL names sentinels, but a Redis answers there: set redis://HOST:PORT, or the ports of the sentinels.',
  ],
  [
    /failed to connect to sentinel .*(NOAUTH|WRONGPASS)/,
    'The sentinels refuse the user or the password: set REDIS_SENTINEL_PASSWORD, and REDIS_SENTINEL_USERNAME where they have users; in a program, `redis.sentinel`.',
  ],
  [
    /self.signed certificate|unable to (get local issuer|verify)|UNABLE_TO_VERIFY|DEPTH_ZERO_SELF_SIGNED/i,
    'The certificate of Redis comes from an authority that is not trusted here: set REDIS_CA to a file with its certificate; in a program, `redis.tls.ca` to the certificate.',
  ],
  [
    /altnames|ERR_TLS_CERT_ALTNAME_INVALID/,
    'The certificate of Redis is for another host: set REDIS_SERVERNAME to the name that it has; in a program, `redis.tls.servername`.',
  ],
];

/** A failure that only a person can mend, since Redis refuses the user of `REDIS_URL` or is not what the configuration says; else undefined. */
export function mistakeBehind(error: unknown): UnsuitableRedis | undefined {
  const refusal = refusalOfUser(error);
  if (refusal !== undefined) {
    return new UnsuitableRedis(
      `Redis refuses the user or the password in REDIS_URL (${refusal}). Set redis://USER:PASSWORD@HOST:PORT, percent-encoded; docs/operations.md lists the rights that the user needs.`,
      { cause: error },
    );
  }
  const said = wordsOf(error);
  const mistake = MISTAKES.find(([pattern]) => pattern.test(said));
  return mistake && new UnsuitableRedis(mistake[1], { cause: error });
}

/** What the failure says, and the failures that it comes from. */
function wordsOf(error: unknown): string {
  if (!(error instanceof Error)) return '';
  const { lastNodeError, code } = error as { lastNodeError?: unknown; code?: unknown };
  const own = error instanceof StoreUnavailable ? '' : `${String(code ?? '')} ${error.message}`;
  return [own, wordsOf(error.cause), wordsOf(lastNodeError)].join(' ');
}
