import { Injectable } from '@nestjs/common';
import { Membership } from './membership.js';

/** Redis may lose the membership together with its data: so long a node that it does not name any more counts as one. */
const RECENT_MS = 5_000;

/** The nodes of this role that live, or lived a moment ago: those who may know what a new Redis instance lacks. */
@Injectable()
export class RecentMembers {
  private current: readonly string[] = [];
  /** Node id -> when it was a member last, by the monotonic clock, ms. */
  private former = new Map<string, number>();
  /** Since when this node has known the members, by the monotonic clock, ms. */
  private since = Number.POSITIVE_INFINITY;

  constructor(membership: Membership) {
    membership.changed.subscribe((nodeIds) => this.change(nodeIds));
  }

  get nodeIds(): string[] {
    const since = performance.now() - RECENT_MS;
    const former = [...this.former].flatMap(([nodeId, at]) => (at > since ? [nodeId] : []));
    return [...new Set([...this.current, ...former])];
  }

  /** Whether these are all: a node that only just started does not know of others that are on their way back. */
  get areAll(): boolean {
    return performance.now() - this.since > RECENT_MS;
  }

  private change(nodeIds: readonly string[]): void {
    const now = performance.now();
    this.since = Math.min(this.since, now);
    const kept = [...this.former].filter(([, at]) => at > now - RECENT_MS);
    this.former = new Map([...kept, ...this.current.map((nodeId): [string, number] => [nodeId, now])]);
    this.current = nodeIds;
  }
}
