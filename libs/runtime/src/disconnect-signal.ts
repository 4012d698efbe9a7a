import { ClientDisconnected } from './client-disconnected.js';

/** Aborts when the client of a request disconnects. An `AbortSignal` implements it. */
export interface DisconnectSignal {
  readonly aborted: boolean;
  readonly reason: AbortSignal['reason'];
  throwIfAborted(): void;
  addEventListener(type: 'abort', listener: () => void, options?: { once: boolean }): void;
  removeEventListener(type: 'abort', listener: () => void): void;
}

/**
 * The signal of one request. Not an `AbortSignal` or an `EventTarget`, because one is created for each request that may
 * wait: those cost more than the rest of a call, and compare each added listener with all others, and a batch adds
 * hundreds.
 */
export class ClientLink implements DisconnectSignal {
  private why: ClientDisconnected | undefined;
  private readonly listeners = new Set<() => void>();

  get aborted(): boolean {
    return this.why !== undefined;
  }

  get reason(): ClientDisconnected | undefined {
    return this.why;
  }

  throwIfAborted(): void {
    if (this.why !== undefined) throw this.why;
  }

  addEventListener(_type: 'abort', listener: () => void): void {
    if (this.why === undefined) this.listeners.add(listener);
  }

  removeEventListener(_type: 'abort', listener: () => void): void {
    this.listeners.delete(listener);
  }

  disconnect(): void {
    if (this.why !== undefined) return;
    this.why = new ClientDisconnected();
    for (const listener of this.listeners) listener();
    this.listeners.clear();
  }
}
