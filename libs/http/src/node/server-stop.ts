import { EventEmitter, once } from 'node:events';
import type { Server } from 'node:http';
import { Server as NetServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { type BeforeApplicationShutdown, Injectable } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';

/** For this long new requests still get a 503, so that clients and load balancers move to other nodes. */
export const GRACE_MS = 500;
/** How long connections that were opened just before the port closed may take to send their request. */
const LAST_REQUEST_MS = 100;
/** How long running requests may take to end. */
export const FINISH_MS = 10_000;

/** Closes the server without breaking a request: counts the running requests and waits for them. */
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
    // Not the HTTP server's own close(), which resets connections that have not sent their request yet.
    NetServer.prototype.close.call(server);
    await sleep(LAST_REQUEST_MS);
    while (this.running > 0 && !deadline.aborted) {
      await once(this.idle, 'idle', { signal: deadline }).catch(() => {});
    }
    // Also connections that never sent a request: otherwise the node would wait for them.
    server.closeAllConnections();
  }
}
