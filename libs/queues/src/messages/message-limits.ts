import { DEFAULT_MESSAGE_BYTES } from '@syncline/contracts';

const MOST_QUEUES = 10_000;

/**
 * How large the messages of queues may be, as this node knows it. Messages are judged before they are sent; the script that takes them
 * in tells when the queue has another limit by now.
 */
export class MessageLimits {
  private readonly unusual = new Map<string, number>();

  of(queue: string): number {
    return this.unusual.get(queue) ?? DEFAULT_MESSAGE_BYTES;
  }

  learn(queue: string, limit: number): void {
    this.unusual.delete(queue);
    if (limit === DEFAULT_MESSAGE_BYTES) return;
    this.unusual.set(queue, limit);
    if (this.unusual.size <= MOST_QUEUES) return;
    for (const oldest of this.unusual.keys()) {
      this.unusual.delete(oldest);
      break;
    }
  }
}
