import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import { Problem } from '@syncline/contracts';

/** The node is stopping: the client should try another node. */
export class ShuttingDown extends Problem {
  constructor() {
    super('shutting-down', 'This node is shutting down. Send the request to another node.');
  }
}

/** Tells all waiting work of this process that it stops. */
@Injectable()
export class Drain implements OnModuleDestroy {
  private readonly stop = new AbortController();
  private readonly waiting: { readonly size: number }[] = [];

  /** Aborts with {@link ShuttingDown} when the process starts to stop: parked requests end then. */
  get signal(): AbortSignal {
    return this.stop.signal;
  }

  get draining(): boolean {
    return this.stop.signal.aborted;
  }

  /** Requests that wait in this process. */
  get parked(): number {
    return this.waiting.reduce((sum, { size }) => sum + size, 0);
  }

  /** Counts requests that wait, from now on. */
  track(requests: { readonly size: number }): void {
    this.waiting.push(requests);
  }

  onModuleDestroy(): void {
    this.stop.abort(new ShuttingDown());
  }
}
