import { Injectable } from '@nestjs/common';
import { Membership } from '@syncline/cluster';

/** Redis may lose the membership together with the leases: so long a node that it does not name any more counts as one. */
const RECENT_MS = 5_000;

/** The lock nodes that live, or lived a moment ago: those who may know of leases. */
@Injectable()
export class RecentMembers {
  private current: readonly string[] = [];
  /** Node id -> when it was a member last, by the monotonic clock, ms. */
  private former = new Map<string, number>();

  constructor(membership: Membership) {
    membership.changed.subscribe(({ nodeIds }) => this.change(nodeIds));
  }

  get nodeIds(): string[] {
    const since = performance.now() - RECENT_MS;
    const former = [...this.former].flatMap(([nodeId, at]) => (at > since ? [nodeId] : []));
    return [...new Set([...this.current, ...former])];
  }

  private change(nodeIds: readonly string[]): void {
    const now = performance.now();
    const kept = [...this.former].filter(([, at]) => at > now - RECENT_MS);
    this.former = new Map([...kept, ...this.current.map((nodeId): [string, number] => [nodeId, now])]);
    this.current = nodeIds;
  }
}
