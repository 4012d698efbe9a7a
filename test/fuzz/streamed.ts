import { once } from 'node:events';
import { WebSocket } from 'ws';

/** Longer than any answer may take. */
export const ANSWER_MS = 20_000;

interface Answer {
  readonly id: number;
  readonly status: number;
  readonly body: unknown;
}

/** Call streams to a node, opened again when the node has ended one. */
export class Streamed {
  private socket: WebSocket | undefined;
  /** Of the current stream; a stream that ends answers its own. */
  private waiting = new Map<number, (answer: Answer | null) => void>();
  private lastId = 0;

  constructor(private readonly url: string) {}

  /** Null: the stream ended first. */
  async call(path: string, body: unknown): Promise<Answer | null> {
    const socket = await this.open();
    this.lastId += 1;
    const id = this.lastId;
    const { waiting } = this;
    if (socket.readyState !== WebSocket.OPEN) return null;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error('A call has no answer')), ANSWER_MS);
      waiting.set(id, (answer) => {
        clearTimeout(timer);
        resolve(answer);
      });
      socket.send(JSON.stringify([{ id, path, body }]));
    });
  }

  /** Sends what is no call: the node ends the stream, or answers it as a call. */
  async send(text: string): Promise<void> {
    (await this.open()).send(text);
  }

  close(): void {
    this.socket?.terminate();
  }

  private async open(): Promise<WebSocket> {
    const { socket } = this;
    if (socket !== undefined && socket.readyState <= WebSocket.OPEN) {
      if (socket.readyState === WebSocket.CONNECTING) await once(socket, 'open');
      return socket;
    }
    const opened = new WebSocket(`${this.url.replace('http', 'ws')}/v1/calls`);
    const waiting: typeof this.waiting = new Map();
    this.socket = opened;
    this.waiting = waiting;
    opened.on('error', () => undefined);
    opened.on('message', (data: Buffer) => {
      for (const answer of JSON.parse(data.toString()) as Answer[]) {
        waiting.get(answer.id)?.(answer);
        waiting.delete(answer.id);
      }
    });
    opened.on('close', () => {
      for (const [, end] of waiting) end(null);
    });
    await once(opened, 'open');
    return opened;
  }
}
