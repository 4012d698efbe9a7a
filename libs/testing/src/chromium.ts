import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { WebSocket } from 'ws';
import { HOW_TO_GET_CHROMIUM } from '../../../scripts/find-chromium.mjs';
import { Child } from './child.js';
import { eventually } from './eventually.js';

/** Only a hang takes longer. */
const LOADED_WITHIN_MS = 60_000;

/** The browser only opens local pages and does not contact other servers. */
const FLAGS = [
  '--headless',
  '--disable-gpu',
  '--disable-quic',
  '--disable-dev-shm-usage',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

interface Answer {
  readonly id?: number;
  readonly method?: string;
  readonly params?: object;
  readonly result?: object;
  readonly error?: { readonly message: string };
}

/** A real browser with one page, controlled by the DevTools protocol. */
export class Chromium {
  private readonly waiting = new Map<number, { resolve(result: object): void; reject(error: Error): void }>();
  private readonly events = new Map<string, (params: object) => void>();
  /** The HTTP responses that the page got, in order. */
  readonly answers: { readonly url: string; readonly status: number }[] = [];
  /** Ids of the navigations whose page is loaded. The load of a page before may be told late. */
  private readonly loaded = new Set<string>();
  private sent = 0;
  private session: string | undefined;

  private constructor(
    private readonly child: Child,
    private readonly folder: string,
    private readonly socket: WebSocket,
  ) {
    socket.on('message', (data) => this.receive(JSON.parse(data.toString()) as Answer));
    this.events.set('Network.responseReceived', (params) => {
      this.answers.push((params as { response: { url: string; status: number } }).response);
    });
    this.events.set('Page.lifecycleEvent', (params) => {
      const { name, loaderId } = params as { name: string; loaderId: string };
      if (name === 'load') this.loaded.add(loaderId);
    });
    socket.on('close', () => {
      for (const { reject } of this.waiting.values()) reject(new Error(`Chromium is gone:\n${child.output}`));
      this.waiting.clear();
    });
  }

  /** @throws Error that says how to get a Chromium when this machine has none */
  static async start(): Promise<Chromium> {
    const program = process.env.CHROMIUM;
    if (!program) throw new Error(HOW_TO_GET_CHROMIUM);
    const folder = await mkdtemp(join(tmpdir(), 'syncline-chromium-'));
    // Chromium cannot use its sandbox as root.
    const sandbox = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
    const own = ['--remote-debugging-port=0', `--user-data-dir=${folder}`, 'about:blank'];
    const child = new Child('chromium', spawn(program, [...FLAGS, ...sandbox, ...own]));
    const [, url = ''] = await child.printed(/^DevTools listening on (ws:\S+)/);
    const socket = new WebSocket(url);
    await once(socket, 'open');
    const browser = new Chromium(child, folder, socket);
    const { targetId } = await browser.send<{ targetId: string }>('Target.createTarget', {
      url: 'about:blank',
    });
    const { sessionId } = await browser.send<{ sessionId: string }>('Target.attachToTarget', {
      targetId,
      flatten: true,
    });
    browser.session = sessionId;
    await browser.send('Page.enable');
    await browser.send('Page.setLifecycleEventsEnabled', { enabled: true });
    await browser.send('Network.enable');
    return browser;
  }

  /** Resolves when the page and all its resources are loaded. */
  async open(url: string): Promise<void> {
    const { loaderId } = await this.send<{ loaderId: string }>('Page.navigate', { url });
    await eventually(() => {
      if (!this.loaded.has(loaderId)) throw new Error(`${url} is not loaded.`);
    }, LOADED_WITHIN_MS);
  }

  /**
   * Runs a function in the page.
   *
   * @param source text of the function, which has access to the page
   * @param parameter any JSON value; the function returns a JSON value too
   */
  async run<T>(source: string, parameter: unknown): Promise<T> {
    const { result, exceptionDetails } = await this.send<{
      result: { value: T };
      exceptionDetails?: { exception?: { description?: string }; text: string };
    }>('Runtime.evaluate', {
      // Kept by the page: the protocol alone would let the promise of a function that waits be collected as garbage.
      expression: `globalThis.running = (${source})(${JSON.stringify(parameter)})`,
      awaitPromise: true,
      returnByValue: true,
    });
    if (exceptionDetails) {
      throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    }
    return result.value;
  }

  async stop(): Promise<void> {
    await this.child.kill();
    // The other processes of the browser end a little later and may still write.
    await rm(this.folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  }

  private send<T extends object>(method: string, params: object = {}): Promise<T> {
    this.sent += 1;
    const id = this.sent;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve: (result) => resolve(result as T), reject });
      this.socket.send(JSON.stringify({ id, method, params, sessionId: this.session }));
    });
  }

  private receive({ id, method, params, result, error }: Answer): void {
    if (id === undefined) {
      this.events.get(method ?? '')?.(params ?? {});
      return;
    }
    const call = this.waiting.get(id);
    this.waiting.delete(id);
    if (error) call?.reject(new Error(error.message));
    else call?.resolve(result ?? {});
  }
}
