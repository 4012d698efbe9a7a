import { isReplyError, StoreUnavailable } from '@syncline/redis';

const TRIES = 3;

/**
 * Parts of the data that are in a new Redis instance, by what names them: calls wait until the nodes have told what they know of
 * the part, and are sent again when it is open.
 */
export class Openings<Part> {
  private readonly openings = new Map<Part, Promise<void>>();
  /** Wakes those who wait for a part to open. */
  private readonly wakes = new Map<Part, () => void>();

  /** @param open tells what this node knows of a part; resolves when that is open */
  constructor(private readonly open: (part: Part) => Promise<void>) {}

  /** @throws StoreUnavailable */
  async call<Reply>(part: Part, send: () => Promise<Reply>): Promise<Reply> {
    for (let attempt = 0; attempt < TRIES; attempt += 1) {
      try {
        return await send();
      } catch (error) {
        if (!isOpening(error)) throw error;
        await this.opened(part);
      }
    }
    throw new StoreUnavailable('Redis was another instance several times.');
  }

  /** Resolves when the part is open; this node tells what it knows. */
  opened(part: Part): Promise<void> {
    let opening = this.openings.get(part);
    if (opening === undefined) {
      opening = this.open(part).finally(() => this.openings.delete(part));
      this.openings.set(part, opening);
    }
    return opening;
  }

  /** A hint: the part is open. */
  onOpened(part: Part): void {
    this.wakes.get(part)?.();
  }

  /** Until the part is said to be open, or for `leftMs`: it is open by then at the latest. */
  wait(part: Part, leftMs: number): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        clearTimeout(timer);
        this.wakes.delete(part);
        resolve();
      };
      const timer = setTimeout(wake, leftMs + 1);
      this.wakes.set(part, wake);
    });
  }
}

const isOpening = (error: unknown): boolean => isReplyError(error) && error.message.startsWith('OPENING');
