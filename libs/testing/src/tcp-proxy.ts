import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** Seen from the node: `requests` travel to Redis, `replies` come back. */
export type Direction = 'requests' | 'replies';

interface Pipe {
  readonly client: Socket;
  readonly upstream: Socket;
  subscriber: boolean;
  readonly held: Record<Direction, Buffer[]>;
}

/**
 * A TCP proxy between a node and Redis that simulates network faults. It can hold back the bytes of a direction and
 * deliver them later, drop them, drop only published messages, or cut all connections.
 */
export class TcpProxy {
  private readonly pipes = new Set<Pipe>();
  private readonly mode: Record<Direction, 'pass' | 'hold' | 'drop'> = { requests: 'pass', replies: 'pass' };
  private refusing = false;
  /** While true, published messages do not reach the nodes behind this proxy; everything else does. */
  dropMessages = false;

  private constructor(
    private readonly server: Server,
    private targetPort: number,
  ) {
    server.on('connection', (client) => this.join(client));
  }

  static async start(targetPort: number): Promise<TcpProxy> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new TcpProxy(server, targetPort);
  }

  get url(): string {
    return `redis://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** Holds back the bytes of a direction until {@link heal}. */
  hold(...directions: Direction[]): void {
    for (const direction of directions) this.mode[direction] = 'hold';
  }

  /** Drops the bytes of a direction. {@link heal} ends these connections, because a stream with a gap is useless. */
  drop(...directions: Direction[]): void {
    for (const direction of directions) this.mode[direction] = 'drop';
  }

  /** Delivers held bytes, ends the connections that lost bytes, and accepts new connections. */
  heal(): void {
    this.refusing = false;
    for (const direction of ['requests', 'replies'] as const) {
      const was = this.mode[direction];
      this.mode[direction] = 'pass';
      for (const pipe of this.pipes) {
        if (was === 'drop') this.end(pipe);
        for (const chunk of pipe.held[direction].splice(0)) this.forward(pipe, direction, chunk);
      }
    }
  }

  /** Sends new connections to another port; open ones stay, as after a failover behind one address. */
  leadTo(port: number): void {
    this.targetPort = port;
  }

  /** Ends all connections. With `refuse`, also refuses new ones until {@link heal}. */
  cut(options: { refuse?: boolean } = {}): void {
    this.refusing = options.refuse ?? false;
    for (const pipe of this.pipes) this.end(pipe);
  }

  async stop(): Promise<void> {
    this.cut({ refuse: true });
    this.server.close();
    await once(this.server, 'close');
  }

  private join(client: Socket): void {
    if (this.refusing) {
      client.destroy();
      return;
    }
    const upstream = connect(this.targetPort, '127.0.0.1');
    const pipe: Pipe = { client, upstream, subscriber: false, held: { requests: [], replies: [] } };
    this.pipes.add(pipe);
    client.on('data', (chunk) => this.pass(pipe, 'requests', chunk));
    upstream.on('data', (chunk) => this.pass(pipe, 'replies', chunk));
    for (const socket of [client, upstream]) {
      socket.setNoDelay(true);
      socket.on('error', () => this.end(pipe));
      socket.on('close', () => this.end(pipe));
    }
  }

  private pass(pipe: Pipe, direction: Direction, chunk: Buffer): void {
    if (direction === 'requests' && /\bsubscribe\r\n/i.test(chunk.toString('latin1'))) pipe.subscriber = true;
    const mode = this.mode[direction];
    if (mode === 'hold') pipe.held[direction].push(chunk);
    else if (mode === 'pass') this.forward(pipe, direction, chunk);
  }

  private forward(pipe: Pipe, direction: Direction, chunk: Buffer): void {
    if (direction === 'requests') {
      pipe.upstream.write(chunk);
      return;
    }
    const published = pipe.subscriber && /\bmessage\r\n/.test(chunk.toString('latin1'));
    if (this.dropMessages && published) return;
    pipe.client.write(chunk);
  }

  private end(pipe: Pipe): void {
    this.pipes.delete(pipe);
    pipe.client.destroy();
    pipe.upstream.destroy();
  }
}
