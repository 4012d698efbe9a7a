import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';

/** All random choices of a run, from one seed: the same seed makes the same choices. */
export class Random {
  private readonly generator: ReturnType<typeof xoroshiro128plus>;

  constructor(readonly seed: number) {
    this.generator = xoroshiro128plus(seed);
  }

  /** A whole number from `min` to `max`, both included. */
  int(min: number, max: number): number {
    return uniformInt(this.generator, min, max);
  }

  pick<T>(items: readonly T[]): T {
    const item = items[this.int(0, items.length - 1)];
    if (item === undefined) throw new RangeError('Nothing to pick from.');
    return item;
  }

  /** True with a probability of `percent` percent. */
  chance(percent: number): boolean {
    return this.int(1, 100) <= percent;
  }

  /** An independent stream, so that the choices of one client do not depend on the speed of the others. */
  fork(): Random {
    return new Random(this.int(0, 0x7fffffff));
  }
}
