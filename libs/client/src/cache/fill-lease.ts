import { VersionMismatchError } from '../errors.js';
import type { CachePort, Content, SetOptions } from './cache-port.js';

/** Longest failure reason for waiting callers, in characters. */
const MAX_REASON = 256;

/** The right to store the loaded value of a key. Renewed until it is used or released. */
export class FillLease {
  private readonly timer: NodeJS.Timeout;
  private over = false;

  constructor(
    private readonly port: CachePort,
    private readonly key: string,
    private readonly id: string,
    private readonly leaseMs: number,
  ) {
    this.timer = setInterval(() => void this.renew(), leaseMs / 3);
  }

  /**
   * Stores the loaded value.
   *
   * @throws {VersionMismatchError} the key or a tag was written since the lease began: the value may be out of date
   */
  async store(content: Content, life: SetOptions): Promise<void> {
    if (this.over) return;
    try {
      await this.port.write(this.key, content, life, { fillLease: this.id });
      this.end();
    } catch (error) {
      await this.release();
      throw error;
    }
  }

  /** @param failure sent to the waiting callers; without one, the first of them loads */
  async release(failure?: { readonly error: unknown }): Promise<void> {
    if (this.over) return;
    this.end();
    try {
      await this.port.releaseFill(this.key, this.id, failure && reasonOf(failure.error));
    } catch {
      // The lease is no longer renewed, so it ends by itself.
    }
  }

  private async renew(): Promise<void> {
    try {
      await this.port.renewFill(this.key, this.id, this.leaseMs);
    } catch (error) {
      // A write revoked the lease. After any other failure the next renewal may succeed.
      if (error instanceof VersionMismatchError) clearInterval(this.timer);
    }
  }

  private end(): void {
    this.over = true;
    clearInterval(this.timer);
  }
}

/** A loader may throw anything. */
function reasonOf(error: unknown): string {
  try {
    const text = error instanceof Error ? error.message || error.name : String(error);
    return text.slice(0, MAX_REASON) || 'the loader failed';
  } catch {
    return 'the loader failed';
  }
}
