import { EventEmitter, once } from 'node:events';
import type { Server } from 'node:http';
import { Server as NetServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { type BeforeApplicationShutdown, Injectable, type OnModuleDestroy } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { Problem } from '@syncline/contracts';

/** New requests are still answered (by 503) for this long, so that clients and balancers learn to go elsewhere. */
export const GRACE_MS = 500;
/** Connections that were made just before the port closed get this long to send their request. */
const LAST_CALL_MS = 100;
/** Running requests get this long to end. */
export const FINISH_MS = 10_000;

/** The node stops: try another one, or this one again after a moment. */
export class ShuttingDown extends Problem {
  constructor() {
    super('shutting-down', 'This node is shutting down. Send the request to another node.');
  }
}

/** Lets a node stop without breaking a request: counts those that run, turns new ones away, ends parked ones. */
@Injectable()
export class Drain implements OnModuleDestroy, BeforeApplicationShutdown {
  private readonly stop = new AbortController();
  private readonly idle = new EventEmitter();
  private running = 0;

  constructor(private readonly adapterHost: HttpAdapterHost) {}

  /** Aborted with {@link ShuttingDown} when the node begins to stop: parked requests end on it. */
  get signal(): AbortSignal {
    return this.stop.signal;
  }

  get draining(): boolean {
    return this.stop.signal.aborted;
  }

  requestStarted(): void {
    this.running += 1;
  }

  requestEnded(): void {
    this.running -= 1;
    if (this.running === 0) this.idle.emit('idle');
  }

  onModuleDestroy(): void {
    this.stop.abort(new ShuttingDown());
  }

  async beforeApplicationShutdown(): Promise<void> {
    const server: Server = this.adapterHost.httpAdapter.getHttpServer();
    if (!server.listening) return;
    const deadline = AbortSignal.timeout(FINISH_MS);
    await sleep(GRACE_MS);
    // Not the server's own close(): that resets connections that were made but have not sent their request yet.
    NetServer.prototype.close.call(server);
    await sleep(LAST_CALL_MS);
    while (this.running > 0 && !deadline.aborted) {
      await once(this.idle, 'idle', { signal: deadline }).catch(() => {});
    }
    // Also those that never sent a request: nothing else would end them, and the node would wait for their callers.
    server.closeAllConnections();
  }
}
