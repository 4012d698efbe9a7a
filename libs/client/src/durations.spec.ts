import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { duration } from './durations.js';
import { LockClient, Syncline, ValidationError } from './index.js';

const NONSENSE = [Number.NaN, -1, Number.NEGATIVE_INFINITY, 2 ** 31, 2 ** 53, '5s', '5000', null, 10n, {}];

describe('a duration option', () => {
  it('is rounded to whole milliseconds within its bounds', () => {
    expect(duration('ttlMs', 250.4, { min: 100, max: 1_000 })).toBe(250);
    expect(duration('waitMs', 2 ** 31 - 1)).toBe(2 ** 31 - 1);
    expect(() => duration('ttlMs', 99, { min: 100, max: 1_000 })).toThrow(
      'validation-failed: ttlMs: expected milliseconds, 100 to 1,000, not 99',
    );
  });

  it('may be Infinity only where that has a meaning', () => {
    expect(duration('waitMs', Infinity, { forever: 'to wait for ever' })).toBe(Infinity);
    expect(() => duration('ttlMs', Infinity)).toThrow('not Infinity');
    expect(() => duration('waitMs', 2 ** 31, { forever: 'to wait for ever' })).toThrow(
      'waitMs: expected milliseconds, 0 to 2,147,483,647, or Infinity to wait for ever, not 2147483648',
    );
  });
});

describe('an invalid duration', () => {
  let asked = 0;
  const server = createServer((_, response) => {
    asked += 1;
    response.end('{}');
  });
  let lock: LockClient;
  const url = () => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  beforeAll(async () => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    lock = new LockClient({ urls: [url()] });
  });
  afterAll(async () => {
    await lock.close();
    server.closeAllConnections();
    server.close();
  });

  // biome-ignore lint/suspicious/noExplicitAny: JavaScript callers may pass any value
  it.each<[string, (value: any) => Promise<unknown>]>([
    ['waitMs of a lock', (waitMs) => lock.acquire('a', { waitMs })],
    ['ttlMs of a lock', (ttlMs) => lock.acquire('a', { ttlMs })],
    ['waitMs of a set', (waitMs) => lock.acquireAll(['a', 'b'], { waitMs })],
    ['ttlMs of a set', (ttlMs) => lock.acquireAll(['a', 'b'], { ttlMs })],
    ['waitMs of permits', (waitMs) => lock.semaphore('a', 1).acquire({ waitMs })],
    ['ttlMs of permits', (ttlMs) => lock.semaphore('a', 1).acquire({ ttlMs })],
    ['ttlMs of a session', (ttlMs) => lock.session({ ttlMs })],
    ['ttlMs of a candidate', (ttlMs) => lock.elect('a', { ttlMs }, () => undefined)],
  ])('is refused before anything is sent: %s', async (what, call) => {
    for (const value of NONSENSE) {
      const error = await call(value).catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(ValidationError);
      expect(error).toMatchObject({
        code: 'validation-failed',
        status: 400,
        problem: { errors: [{ path: what.split(' ')[0] }] },
      });
    }
    expect(asked).toBe(0);
  });

  it('is refused by the constructor of the client', () => {
    for (const timeoutMs of NONSENSE as number[]) {
      expect(() => new Syncline({ lock: [url()], timeoutMs })).toThrow(ValidationError);
    }
  });
});
