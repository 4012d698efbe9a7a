import type { CachePort, NearRead } from './cache-port.js';
import { bytes, type Codec, json, text } from './codec.js';
import { Values } from './values.js';

/** An entry in memory. */
class Near implements NearRead {
  readonly version = '1';
  readonly freshUntil = Number.POSITIVE_INFINITY;
  readonly bytes: Buffer;
  attachment: unknown;
  attachedBytes = 0;

  constructor(content: string) {
    this.bytes = Buffer.from(content);
  }

  attach(attachment: unknown, count: number): void {
    this.attachment = attachment;
    this.attachedBytes += count;
  }
}

const valuesOf = <Value>(codec: Codec<Value>, inProcess = true) =>
  new Values(
    { inProcess, peek: () => undefined, read: async () => null } as Partial<CachePort> as CachePort,
    codec,
  );

describe('values of an engine in this process', () => {
  it('are decoded once, and no caller can change them for another', () => {
    let decoded = 0;
    const codec = {
      ...json<{ list: number[] }>(),
      decode: (given: Buffer) => {
        decoded += 1;
        return JSON.parse(given.toString());
      },
    };
    const values = valuesOf(codec);
    const near = new Near('{"list":[1]}');
    const value = values.ofNear(near);
    expect(() => value.list.push(2)).toThrow(TypeError);
    expect(values.ofNear(near)).toBe(value);
    expect([decoded, near.attachedBytes > 0]).toEqual([1, true]);
    // As a read from Redis, so that a program finds out at its first read.
    expect(() => values.of(Buffer.from('{"list":[1]}')).list.push(2)).toThrow(TypeError);
  });

  it('are decoded for each caller when they cannot be frozen', () => {
    const date: Codec<{ at: Date }> = {
      contentType: 'text/plain',
      encode: ({ at }) => at.toISOString(),
      decode: (given) => ({ at: new Date(given.toString()) }),
    };
    const dates = valuesOf(date);
    const near = new Near('2026-01-31T09:30:00.000Z');
    dates.ofNear(near).at.setTime(0);
    expect(dates.ofNear(near).at.toISOString()).toBe('2026-01-31T09:30:00.000Z');
    const raw = valuesOf(bytes);
    const other = new Near('abc');
    raw.ofNear(other).fill(0);
    expect(Buffer.from(raw.ofNear(other)).toString()).toBe('abc');
    expect(other.bytes.toString()).toBe('abc');
  });

  it('are those of the codec that reads them', () => {
    const near = new Near('{"n":1}');
    const [texts, parsed] = [valuesOf(text), valuesOf(json<{ n: number }>())];
    expect([parsed.ofNear(near), texts.ofNear(near)]).toEqual([{ n: 1 }, '{"n":1}']);
    expect(parsed.ofNear(near)).toBe(valuesOf(json()).ofNear(near));
    expect(near.attachedBytes).toBeLessThan(1_000);
  });
});

it('values of nodes belong to their caller', () => {
  const value = valuesOf(json<number[]>(), false).of(Buffer.from('[1]'));
  value.push(2);
  expect(value).toEqual([1, 2]);
});
