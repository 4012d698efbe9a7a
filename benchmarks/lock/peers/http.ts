import { Agent, request } from 'undici';

/** POST of JSON over connections that stay open, one for each request in flight. */
export class Http {
  private readonly dispatcher = new Agent();

  async post<T>(url: string, body: unknown): Promise<T> {
    const { statusCode, body: answer } = await request(url, {
      method: 'POST',
      dispatcher: this.dispatcher,
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
    });
    if (statusCode !== 200) throw new Error(`${url} answered ${statusCode}: ${await answer.text()}`);
    return (await answer.json()) as T;
  }

  stop(): Promise<void> {
    return this.dispatcher.destroy();
  }
}
