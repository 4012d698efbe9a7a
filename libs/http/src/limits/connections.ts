import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import type { LoggerService } from '@nestjs/common';
import { Problem } from '@syncline/contracts';
import { ClientLimit } from './client-limit.js';

/** A warning at most so often: a flood must not flood the log. */
const WARN_EVERY_MS = 60_000;

/**
 * Bounds the connections of a server: in all, and to half of them for one address, so that no address takes them all. Those that are too many are
 * closed before anything is read.
 */
export function boundConnections(server: Server, most: number, logger: LoggerService): void {
  const limit = new ClientLimit('connections', most, Math.ceil(most / 2));
  let warnedAt = Number.NEGATIVE_INFINITY;
  server.on('connection', (socket: Socket) => {
    const address = socket.remoteAddress ?? '';
    try {
      socket.once('close', limit.take(address));
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      socket.destroy();
      if (performance.now() - warnedAt < WARN_EVERY_MS) return;
      warnedAt = performance.now();
      logger.warn(
        `Connections are closed unread, the last one from ${address}: raise MAX_CONNECTIONS? ${error.detail}`,
      );
    }
  });
}
