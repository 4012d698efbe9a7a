import { Inject, Injectable } from '@nestjs/common';
import type { Durability } from '@syncline/contracts';
import { Commits } from '@syncline/redis';
import { shardPrefix } from './shards.js';

/** Injection token: how safe a change of leases is when it is answered. */
export const LOCK_DURABILITY = Symbol('LOCK_DURABILITY');

/** Holds replies of Redis until they are as safe as this node is set to. */
@Injectable()
export class HeldReplies {
  constructor(
    private readonly commits: Commits,
    @Inject(LOCK_DURABILITY) private readonly level: Durability,
  ) {}

  /** What is answered to a change that was held: the level that it met is added to it. */
  told<Answer extends object>(answer: Answer): Answer & { readonly durability: Durability } {
    return Object.assign(answer, { durability: this.level });
  }

  /**
   * @param sent a call that was sent just now
   * @param tells whether a reply says that something is so from now on; others are not held
   * @throws StoreUnavailable when that is not so in time; a repeated call is held as well
   */
  hold<Reply>(
    shard: number,
    sent: Promise<Reply>,
    tells: (reply: Reply) => boolean = () => true,
  ): Promise<Reply> {
    if (this.level === 'local') return sent;
    return this.commits.hold(shardPrefix(shard), sent, (reply) => (tells(reply) ? this.level : 'local'));
  }
}
