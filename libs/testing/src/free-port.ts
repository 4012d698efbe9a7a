import { once } from 'node:events';
import { createServer } from 'node:net';

/**
 * Below the range for outgoing connections (from 32768 on), so that no connection takes a port between two starts of a
 * server. The cluster bus of Redis uses the port plus 10,000, which is also below that range and above these ports.
 */
const FIRST_PORT = 12_000;
const PORTS = 10_000;

const given = new Set<number>();

async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen(port, '127.0.0.1');
  try {
    await once(server, 'listening');
  } catch {
    return false;
  }
  server.close();
  await once(server, 'close');
  return true;
}

/** A free TCP port of the loopback interface. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = FIRST_PORT + Math.floor(Math.random() * PORTS);
    if (given.has(port)) continue;
    given.add(port);
    if (await isFree(port)) return port;
  }
}
