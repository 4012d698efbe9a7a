import { get, type IncomingMessage } from 'node:http';

interface ServerSentEvent {
  readonly id?: string;
  readonly event?: string;
  // biome-ignore lint/suspicious/noExplicitAny: what the event carries is what the test expects
  readonly data?: any;
}

/** Follows a stream of server-sent events until it is closed. */
export class EventStream {
  readonly events: ServerSentEvent[] = [];
  /** As a browser keeps it: of the last block that had one. */
  lastId = '';
  comments = 0;
  private text = '';

  private constructor(private readonly response: IncomingMessage) {
    response.setEncoding('utf8');
    response.on('data', (chunk: string) => this.take(chunk));
    response.on('error', () => {});
  }

  /** @param path after `/v1/` */
  static open(
    node: { url: string },
    path: string,
    { after, key }: { after?: string | undefined; key?: string } = {},
  ): Promise<EventStream> {
    const headers = {
      Accept: 'text/event-stream',
      ...(after && { 'Last-Event-ID': after }),
      ...(key && { 'X-Api-Key': key }),
    };
    return new Promise((resolve, reject) => {
      get(`${node.url}/v1/${path}`, { headers }, (response) => resolve(new EventStream(response))).on(
        'error',
        reject,
      );
    });
  }

  get kinds(): (string | undefined)[] {
    return this.events.map((each) => each.event);
  }

  get status(): number | undefined {
    return this.response.statusCode;
  }

  close(): void {
    this.response.destroy();
  }

  private take(chunk: string): void {
    const parts = (this.text + chunk).split('\n\n');
    this.text = parts.pop() ?? '';
    for (const part of parts) {
      const fields = new Map(
        part.split('\n').flatMap((line) => {
          const match = /^(\w+): (.*)$/.exec(line);
          return match ? [[match[1] ?? '', match[2] ?? ''] as const] : [];
        }),
      );
      if (/^:/m.test(part)) this.comments += 1;
      this.lastId = fields.get('id') ?? this.lastId;
      if (!fields.has('data')) continue;
      const [id, event] = [fields.get('id'), fields.get('event')];
      this.events.push({
        ...(id && { id }),
        ...(event && { event }),
        data: JSON.parse(fields.get('data') ?? ''),
      });
    }
  }
}
