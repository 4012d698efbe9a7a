import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

interface Reply {
  /** The first line: as in `['INSERTED', '5']`. */
  readonly words: readonly string[];
  readonly body: string;
}

const LINE_END = '\r\n';

/** What the benchmarks ask of a connection to beanstalkd. */
export interface BeanstalkConnection {
  put(body: string, delaySeconds: number, ttrSeconds: number): Promise<unknown>;
  /**
   * @param timeoutSeconds default: waits without end
   * @returns undefined when there was nothing in time
   */
  reserve(timeoutSeconds?: number): Promise<{ id: string; body: string } | undefined>;
  delete(id: string): Promise<unknown>;
  close(): unknown;
}

/**
 * A connection with many commands under way: replies come in the order of the commands, and what is written in one turn
 * leaves in one packet. Written here because the clients on npm do neither: it shows what beanstalkd itself can do.
 */
export class GatheringConnection implements BeanstalkConnection {
  private readonly awaited: ((reply: Reply) => void)[] = [];
  private received = '';
  private written: string[] = [];

  private constructor(private readonly socket: Socket) {
    socket.setNoDelay(true).setEncoding('latin1');
    socket.on('data', (chunk: string) => this.read(chunk));
  }

  static async open(port: number): Promise<GatheringConnection> {
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    return new GatheringConnection(socket);
  }

  /** @param body what follows on a line of its own */
  private command(line: string, body?: string): Promise<Reply> {
    if (this.written.length === 0) {
      process.nextTick(() => {
        this.socket.write(this.written.join(''), 'latin1');
        this.written = [];
      });
    }
    this.written.push(line, LINE_END);
    if (body !== undefined) this.written.push(body, LINE_END);
    return new Promise((resolve) => this.awaited.push(resolve));
  }

  async put(body: string, delaySeconds: number, ttrSeconds: number): Promise<void> {
    const { words } = await this.command(`put 0 ${delaySeconds} ${ttrSeconds} ${body.length}`, body);
    if (words[0] !== 'INSERTED') throw new Error(`beanstalkd: put was answered ${words.join(' ')}`);
  }

  async reserve(timeoutSeconds?: number): Promise<{ id: string; body: string } | undefined> {
    const line = timeoutSeconds === undefined ? 'reserve' : `reserve-with-timeout ${timeoutSeconds}`;
    const { words, body } = await this.command(line);
    return words[0] === 'RESERVED' ? { id: words[1] ?? '', body } : undefined;
  }

  async delete(id: string): Promise<void> {
    const { words } = await this.command(`delete ${id}`);
    if (words[0] !== 'DELETED') throw new Error(`beanstalkd: delete was answered ${words.join(' ')}`);
  }

  close(): void {
    this.socket.destroy();
  }

  private read(chunk: string): void {
    this.received += chunk;
    let at = 0;
    for (;;) {
      const end = this.received.indexOf(LINE_END, at);
      if (end < 0) break;
      const words = this.received.slice(at, end).split(' ');
      let next = end + LINE_END.length;
      let body = '';
      if (words[0] === 'RESERVED') {
        const length = Number(words[2]);
        if (this.received.length < next + length + LINE_END.length) break;
        body = this.received.slice(next, next + length);
        next += length + LINE_END.length;
      }
      at = next;
      this.awaited.shift()?.({ words, body });
    }
    this.received = this.received.slice(at);
  }
}
