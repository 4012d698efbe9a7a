import jackd, { type JackdClient } from 'jackd';
import type { BeanstalkConnection } from './beanstalk-connection.js';

/** The package exports the class itself, whatever its types say. */
const Client = jackd as unknown as typeof JackdClient;

/** The client that npm has. It mixes replies up when a second command is sent before the first one is answered. */
export class JackdConnection implements BeanstalkConnection {
  private constructor(private readonly client: JackdClient) {}

  static async open(port: number): Promise<JackdConnection> {
    const client = new Client();
    await client.connect({ host: '127.0.0.1', port });
    return new JackdConnection(client);
  }

  put(body: string, delay: number, ttr: number): Promise<string> {
    return this.client.put(body, { delay, ttr });
  }

  async reserve(timeoutSeconds?: number): Promise<{ id: string; body: string } | undefined> {
    try {
      const { id, payload } = await (timeoutSeconds === undefined
        ? this.client.reserve()
        : this.client.reserveWithTimeout(timeoutSeconds));
      return { id, body: payload.toString() };
    } catch (error) {
      if (error instanceof Error && error.message.startsWith('TIMED_OUT')) return undefined;
      throw error;
    }
  }

  delete(id: string): Promise<void> {
    return this.client.delete(id);
  }

  close(): void {
    this.client.socket.destroy();
  }
}
