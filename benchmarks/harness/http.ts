import { Agent, request } from 'undici';

/** HTTP with JSON over connections that stay open, one for each request in flight. */
export class Http {
  private readonly dispatcher = new Agent();

  post<T>(url: string, body: unknown): Promise<T> {
    return this.send('POST', url, body);
  }

  /** @param headers beside the content type */
  async send<T>(
    method: 'GET' | 'POST' | 'PUT' | 'DELETE',
    url: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<T> {
    const { statusCode, body: answer } = await request(url, {
      method,
      dispatcher: this.dispatcher,
      headers: body === undefined ? headers : { 'Content-Type': 'application/json', ...headers },
      body: body === undefined ? null : JSON.stringify(body),
    });
    const text = await answer.text();
    if (statusCode < 200 || statusCode > 299) throw new Error(`${url} answered ${statusCode}: ${text}`);
    return (text === '' ? undefined : JSON.parse(text)) as T;
  }

  stop(): Promise<void> {
    return this.dispatcher.destroy();
  }
}
