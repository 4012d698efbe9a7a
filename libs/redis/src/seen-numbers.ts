import { Injectable } from '@nestjs/common';

/**
 * The largest number of each hybrid clock that this process has seen given (`hybrid-clock.lua`): a fencing token, a version.
 * Calls bring it: where Redis lost the last ones, as after a failover, and its clock is behind, the next one is larger all the same.
 */
@Injectable()
export class SeenNumbers {
  private readonly largest: number[] = [];

  /** 0: none. */
  of(shard: number): number {
    return this.largest[shard] ?? 0;
  }

  /** @param number as text; what is no number is not seen */
  see(shard: number, number: string | undefined): void {
    if (Number(number) > this.of(shard)) this.largest[shard] = Number(number);
  }
}
