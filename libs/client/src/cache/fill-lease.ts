import { VersionMismatchError } from '../errors.js';
import type { Content, EntryCalls, SetOptions } from './entry-calls.js';

/** Longest reason that is told to those who wait, in characters. */
const MAX_REASON = 256;

/** The right to store what the loader of a key brings. It is kept until it is used or given back. */
export class FillLease {
  private readonly timer: NodeJS.Timeout;
  private over = false;

  constructor(
    private readonly calls: EntryCalls,
    private readonly key: string,
    private readonly id: string,
    private readonly leaseMs: number,
  ) {
    this.timer = setInterval(() => void this.renew(), leaseMs / 3);
  }

  /**
   * Stores what was loaded.
   *
   * @throws {VersionMismatchError} the key or a tag was written since: what was loaded may be out of date
   */
  async store(content: Content, life: SetOptions): Promise<void> {
    if (this.over) return;
    try {
      await this.calls.write(this.key, content, life, { fillLease: this.id });
      this.end();
    } catch (error) {
      await this.giveBack();
      throw error;
    }
  }

  /** @param failure told to those who wait; without one, the first of them loads */
  async giveBack(failure?: { readonly error: unknown }): Promise<void> {
    if (this.over) return;
    this.end();
    try {
      await this.calls.giveFillBack(this.key, this.id, failure && reasonOf(failure.error));
    } catch {
      // It is not kept any more, and so runs out by itself.
    }
  }

  private async renew(): Promise<void> {
    try {
      await this.calls.renewFill(this.key, this.id, this.leaseMs);
    } catch (error) {
      // Overtaken. After any other failure the next renewal may get through.
      if (error instanceof VersionMismatchError) clearInterval(this.timer);
    }
  }

  private end(): void {
    this.over = true;
    clearInterval(this.timer);
  }
}

/** Loaders throw anything. */
function reasonOf(error: unknown): string {
  try {
    const text = error instanceof Error ? error.message || error.name : String(error);
    return text.slice(0, MAX_REASON) || 'the loader failed';
  } catch {
    return 'the loader failed';
  }
}
