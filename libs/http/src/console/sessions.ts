import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { Problem } from '@syncline/contracts';
import { REDIS, type RedisClient, storeError, whenReady } from '@syncline/redis';
import type { Request } from 'express';
import { ApiKeys, setProof } from '../access/api-keys.js';

const SESSION_MS = 3_600_000;
const COOKIE = 'syncline_console';
/** All nodes sign with this key, so that a session holds at each of them. */
const SIGNING_KEY = 'syncline:{console}:signing-key';
const SIGNING_KEY_BYTES = 32;
/** A signature that does not fit may be of a key that Redis has had since it lost its data: looked up so often at most. */
const LOOK_AGAIN_MS = 1_000;

/** What a browser shows instead of an API key. */
interface Session {
  readonly key: string;
  readonly expiresAt: number;
}

/**
 * Sessions of browsers: an API key is exchanged for a signed cookie that scripts cannot read and that ends after an hour. Nothing
 * is stored of it. It ends earlier when its key expires, or when the secret that it was opened with is replaced.
 */
@Injectable()
export class Sessions {
  private signingKey: { readonly at: number; readonly bytes: Promise<Buffer> } | undefined;

  constructor(
    @Inject(REDIS) private readonly redis: RedisClient,
    private readonly keys: ApiKeys,
  ) {}

  /**
   * @returns the cookie, as `Set-Cookie` sends it
   * @throws Problem `unauthenticated`; StoreUnavailable
   */
  async open(secret: string, request: Request): Promise<string> {
    const known = this.keys.keyOf(secret);
    if (known === undefined) throw new Problem('unauthenticated', 'No API key has this secret.');
    return this.cookieOf(known.name, known.proof, request);
  }

  /** A cookie for another hour, for a session that holds. Undefined: there is none. */
  async extend(request: Request): Promise<string | undefined> {
    const found = await this.find(request);
    return found && this.cookieOf(found.key, found.proof, request);
  }

  /** Has a request with the cookie of a session count as one with its key. */
  async enter(request: Request): Promise<void> {
    if (!this.keys.areRequired || !(COOKIE in cookiesOf(request))) return;
    const found = await this.find(request);
    if (found !== undefined) setProof(request, found.proof);
  }

  /** What ends a session, as `Set-Cookie` sends it. */
  end(request: Request): string {
    return cookie('', 0, request);
  }

  private async find(request: Request): Promise<(Session & { readonly proof: string }) | undefined> {
    const text = cookiesOf(request)[COOKIE];
    const [name = '', until = '', signature = ''] = text?.split('.') ?? [];
    const key = Buffer.from(name, 'base64url').toString();
    const expiresAt = Number(until);
    // Not a number: it has expired, too.
    if (!(expiresAt > Date.now()) || expiresAt > Date.now() + SESSION_MS) return undefined;
    const proofs = this.keys.proofsOf(key);
    if (proofs.length === 0) return undefined;
    const fits = async (again: boolean) => {
      const signing = await this.readSigningKey(again);
      return proofs.find((proof) => equal(sign(signing, { key, expiresAt, proof }), signature));
    };
    const proof = (await fits(false)) ?? (await fits(true));
    return proof === undefined ? undefined : { key, expiresAt, proof };
  }

  private async cookieOf(key: string, proof: string, request: Request): Promise<string> {
    const expiresAt = Date.now() + SESSION_MS;
    const signature = sign(await this.readSigningKey(false), { key, expiresAt, proof });
    const name = Buffer.from(key).toString('base64url');
    return cookie(`${name}.${expiresAt}.${signature}`, SESSION_MS, request);
  }

  private readSigningKey(again: boolean): Promise<Buffer> {
    const now = performance.now();
    const { at, bytes } = this.signingKey ?? {};
    if (bytes !== undefined && (!again || now - (at ?? 0) < LOOK_AGAIN_MS)) return bytes;
    const read = this.takeSigningKey();
    this.signingKey = { at: now, bytes: read };
    read.catch(() => {
      if (this.signingKey?.bytes === read) this.signingKey = undefined;
    });
    return read;
  }

  /** The first node that needs one makes it. */
  private async takeSigningKey(): Promise<Buffer> {
    try {
      if (this.redis.status !== 'ready') await whenReady(this.redis);
      await this.redis.set(SIGNING_KEY, randomBytes(SIGNING_KEY_BYTES).toString('hex'), 'NX');
      return Buffer.from((await this.redis.get(SIGNING_KEY)) ?? '', 'hex');
    } catch (error) {
      throw storeError(error);
    }
  }
}

const sign = (signing: Buffer, { key, expiresAt, proof }: Session & { readonly proof: string }): string => {
  if (signing.length !== SIGNING_KEY_BYTES)
    throw new Problem('store-unavailable', 'Redis lost the signing key.');
  return createHmac('sha256', signing).update(`${key}\n${expiresAt}\n${proof}`).digest('base64url');
};

const equal = (one: string, other: string): boolean =>
  one.length === other.length && timingSafeEqual(Buffer.from(one), Buffer.from(other.padEnd(one.length)));

/** Without a path: the browser sends it to the folder of the page alone, wherever a proxy puts that. */
function cookie(value: string, forMs: number, request: Request): string {
  const encrypted = request.secure || request.headers['x-forwarded-proto'] === 'https';
  const flags = `HttpOnly; SameSite=Strict; Max-Age=${forMs / 1_000}${encrypted ? '; Secure' : ''}`;
  return `${COOKIE}=${value}; ${flags}`;
}

function cookiesOf({ headers }: Request): Readonly<Record<string, string>> {
  const pairs = (headers.cookie ?? '').split(';').map((pair): [string, string] => {
    const at = pair.indexOf('=');
    return [pair.slice(0, at).trim(), pair.slice(at + 1).trim()];
  });
  return Object.fromEntries(pairs);
}
