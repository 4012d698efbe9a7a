import { setTimeout } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { Syncline } from '@syncline/client';

/** What Terminus expects of an indicator. */
export type SynclineHealth<Key extends string> = Record<
  Key,
  { readonly status: 'up' | 'down' } & Readonly<Partial<Record<'lock' | 'queue' | 'cache', string>>>
>;

/**
 * An indicator for `@nestjs/terminus`: `health.check([() => this.syncline.isHealthy('syncline')])`. It asks the nodes, or
 * the engines in this process, of every role that is configured for their cluster, which needs Redis.
 */
@Injectable()
export class SynclineHealthIndicator {
  constructor(private readonly syncline: Syncline) {}

  /**
   * Up when all roles are. Each role is `up`, or the reason why it is not. Never rejects.
   *
   * @param options `timeoutMs`: how long a role may take to answer. Default 3,000
   */
  async isHealthy<Key extends string>(
    key: Key,
    { timeoutMs = 3_000 }: { readonly timeoutMs?: number } = {},
  ): Promise<SynclineHealth<Key>> {
    const end = new AbortController();
    const late = setTimeout(timeoutMs, `no answer within ${timeoutMs} ms`, { signal: end.signal });
    late.catch(() => undefined);
    const roles = Object.entries(this.syncline.clients).map(async ([role, client]) => {
      const answer = client.cluster().then(
        () => 'up',
        (error: unknown) => (error instanceof Error ? error.message : String(error)),
      );
      return [role, await Promise.race([answer, late])] as const;
    });
    const outcomes = await Promise.all(roles);
    end.abort();
    const status = outcomes.every(([, outcome]) => outcome === 'up') ? 'up' : 'down';
    return { [key]: { status, ...Object.fromEntries(outcomes) } } as SynclineHealth<Key>;
  }
}
