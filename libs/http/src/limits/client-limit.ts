import { Problem } from '@syncline/contracts';

/** Bounds how many of something there are: in all, and of one client, so that no client takes all of them. */
export class ClientLimit {
  /** By client. It has as many entries at most as there are things. */
  private readonly counts = new Map<string, number>();
  private total = 0;

  /**
   * @param what the things, as in `call streams`
   * @param most of all clients
   * @param mostOfOne of one client
   */
  constructor(
    private readonly what: string,
    private readonly most: number,
    private readonly mostOfOne: number,
  ) {}

  get size(): number {
    return this.total;
  }

  /**
   * One more for this client.
   *
   * @returns gives it back; must be called once
   * @throws Problem `rate-limited`
   */
  take(client: string): () => void {
    const held = this.counts.get(client) ?? 0;
    if (held >= this.mostOfOne || this.total >= this.most) {
      throw new Problem(
        'rate-limited',
        held >= this.mostOfOne
          ? `One client may have ${this.mostOfOne} ${this.what} at this node, and you have ${held}. End some, or call another node.`
          : `This node has ${this.total} ${this.what} and takes ${this.most} at most. Call another node.`,
      );
    }
    this.counts.set(client, held + 1);
    this.total += 1;
    return () => this.giveBack(client);
  }

  private giveBack(client: string): void {
    const left = (this.counts.get(client) ?? 0) - 1;
    this.total -= 1;
    if (left > 0) this.counts.set(client, left);
    else this.counts.delete(client);
  }
}
