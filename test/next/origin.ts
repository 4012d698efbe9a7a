import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What the pages show: a number, and how often who asked for it. */
export class Origin {
  value = 1;
  /** By the name of the page. */
  readonly asked = new Map<string, number>();
  private readonly server = createServer((request, response) => {
    const name = request.url?.slice(1) ?? '';
    this.asked.set(name, (this.asked.get(name) ?? 0) + 1);
    response.end(String(this.value));
  });

  static async start(): Promise<Origin> {
    const origin = new Origin();
    await once(origin.server.listen(0, '127.0.0.1'), 'listening');
    return origin;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  stop(): void {
    this.server.closeAllConnections();
    this.server.close();
  }
}
