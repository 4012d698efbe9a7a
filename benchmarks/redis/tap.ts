import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

const CRLF = '\r\n';

/** The words of a command, its name first. */
export type Call = readonly Buffer[];

/** Stands between nodes and Redis, and keeps what they send. */
export class Tap {
  private calls: Call[] = [];
  private readonly sockets = new Set<Socket>();

  private constructor(
    private readonly server: Server,
    private readonly port: number,
  ) {
    server.on('connection', (node) => this.join(node));
  }

  /** @param port of Redis */
  static async start(port: number): Promise<Tap> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new Tap(server, port);
  }

  get url(): string {
    return `redis://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** Calls of the script or function that was called most since the last time. */
  take(): Call[] {
    const byScript = new Map<string, Call[]>();
    for (const call of this.calls.splice(0)) {
      const [name, script] = call.slice(0, 2).map(String);
      if (name === undefined || script === undefined || !/^(fcall|evalsha)$/i.test(name)) continue;
      const others = byScript.get(script);
      if (others) others.push(call);
      else byScript.set(script, [call]);
    }
    return [...byScript.values()].sort((one, other) => other.length - one.length)[0] ?? [];
  }

  stop(): void {
    for (const socket of this.sockets) socket.destroy();
    this.server.close();
  }

  private join(node: Socket): void {
    const redis = connect(this.port, '127.0.0.1');
    let rest: Buffer = Buffer.alloc(0);
    node.on('data', (bytes) => {
      redis.write(bytes);
      rest = Buffer.concat([rest, bytes]);
      for (let first = read(rest); first !== null; first = read(rest)) {
        this.calls.push(first.call);
        rest = first.rest;
      }
    });
    redis.on('data', (bytes) => node.write(bytes));
    for (const socket of [node, redis]) {
      this.sockets.add(socket);
      socket.setNoDelay(true);
      socket.on('error', () => {});
      socket.on('close', () => {
        node.destroy();
        redis.destroy();
      });
    }
  }
}

/** The first command of what came; null when it is not whole. */
function read(bytes: Buffer): { call: Call; rest: Buffer } | null {
  let at = bytes.indexOf(CRLF);
  if (at < 0) return null;
  const call: Buffer[] = [];
  for (let words = Number(bytes.toString('latin1', 1, at)); words > 0; words -= 1) {
    const line = at + CRLF.length;
    const end = bytes.indexOf(CRLF, line);
    if (end < 0) return null;
    const from = end + CRLF.length;
    at = from + Number(bytes.toString('latin1', line + 1, end));
    call.push(bytes.subarray(from, at));
  }
  const next = at + CRLF.length;
  return next <= bytes.length ? { call, rest: bytes.subarray(next) } : null;
}
