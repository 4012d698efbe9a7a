import { EventEmitter, once } from 'node:events';
import type { Server } from 'node:http';
import { Server as NetServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { type BeforeApplicationShutdown, Injectable } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';

/** New requests are still answered (by 503) for this long, so that clients and balancers learn to go elsewhere. */
export const GRACE_MS = 500;
/** Connections that were made just before the port closed get this long to send their request. */
const LAST_CALL_MS = 100;
/** Running requests get this long to end. */
export const FINISH_MS = 10_000;

/** Closes the server without breaking a request: counts those that run, and waits for them. */
@Injectable()
export class ServerStop implements BeforeApplicationShutdown {
  private readonly idle = new EventEmitter();
  private running = 0;

  constructor(private readonly adapterHost: HttpAdapterHost) {}

  requestStarted(): void {
    this.running += 1;
  }

  requestEnded(): void {
    this.running -= 1;
    if (this.running === 0) this.idle.emit('idle');
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
