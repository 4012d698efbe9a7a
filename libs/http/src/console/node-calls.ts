import type { IncomingHttpHeaders } from 'node:http';
import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import { type KnownNode, NodeDirectory } from '@syncline/cluster';
import { Problem, ROLES, type Role } from '@syncline/contracts';
import { Drain } from '@syncline/runtime';
import type { Request, Response } from 'express';
import { Agent, type Dispatcher } from 'undici';
import { hasBody } from '../request/body.guard.js';

const CONNECT_MS = 2_000;
/** Of a node that does not answer at all; events and parked requests send something before. */
const SILENT_MS = 40_000;
/** Of a node that is read from once a second. */
const SLOW_MS = 3_000;

/** What a call takes along. Cookies and keys too: the other node judges the caller by itself. */
const PASSED_ON = [
  'accept',
  'authorization',
  'content-encoding',
  'content-type',
  'content-length',
  'cookie',
  'if-match',
  'if-none-match',
  'last-event-id',
  'x-api-key',
  'x-request-id',
] as const;
/** On calls that another node passed on: a URL in the membership that leads to the wrong node must not send them in circles. */
export const PASSED = 'x-syncline-passed';
const ANSWERED = [
  'allow',
  'cache-control',
  'content-encoding',
  'content-length',
  'content-type',
  'etag',
  'retry-after',
  'www-authenticate',
  'x-cache',
] as const;

/** Calls of other nodes, for somebody who talks to this one. */
@Injectable()
export class NodeCalls implements OnModuleDestroy {
  private readonly agent = new Agent({
    connect: { timeout: CONNECT_MS },
    headersTimeout: SILENT_MS,
    bodyTimeout: SILENT_MS,
  });
  /** The nodes of a role are called in turns. */
  private turn = 0;

  constructor(
    private readonly directory: NodeDirectory,
    private readonly drain: Drain,
  ) {}

  async onModuleDestroy(): Promise<void> {
    await this.agent.destroy();
  }

  /**
   * @param target a role, or the id of a node
   * @throws Problem `not-found`, `store-unavailable`
   */
  async pass(target: string, path: string, request: Request, response: Response): Promise<void> {
    const gone = new AbortController();
    response.once('close', () => gone.abort());
    const answer = await this.call(target, {
      path,
      method: request.method as Dispatcher.HttpMethod,
      headers: { ...pick(request.headers, PASSED_ON), [PASSED]: '1' },
      body: hasBody(request) ? request : null,
      signal: gone.signal,
    });
    response.status(answer.statusCode);
    for (const [name, value] of Object.entries(pick(answer.headers, ANSWERED)))
      response.setHeader(name, value);
    response.flushHeaders();
    answer.body.on('error', () => response.destroy());
    answer.body.pipe(response);
    // Streams that never end by themselves would hold up the stop of this node.
    const end = () => {
      answer.body.unpipe(response);
      response.end(() => gone.abort());
    };
    this.drain.signal.addEventListener('abort', end);
    response.once('close', () => this.drain.signal.removeEventListener('abort', end));
  }

  /** The JSON that a node of a role answers to the caller of a request. */
  async read(role: Role, path: string, { headers }: Request): Promise<unknown> {
    const answer = await this.call(role, {
      path,
      method: 'GET',
      headers: { ...pick(headers, ['authorization', 'cookie', 'x-api-key']), [PASSED]: '1' },
      body: null,
      headersTimeout: SLOW_MS,
      bodyTimeout: SLOW_MS,
    });
    if (answer.statusCode !== 200) {
      await answer.body.dump();
      if (answer.statusCode === 401) throw new Problem('unauthenticated', 'The session has ended.');
      if (answer.statusCode === 403)
        throw new Problem('forbidden', `This key may not read at ${role} nodes.`);
      throw unanswered(role);
    }
    return answer.body.json();
  }

  private async call(
    target: string,
    call: Omit<Dispatcher.RequestOptions, 'origin'>,
  ): Promise<Dispatcher.ResponseData> {
    const nodes = await this.nodesFor(target);
    this.turn += 1;
    const from = nodes.length === 0 ? 0 : this.turn % nodes.length;
    for (const { url } of [...nodes.slice(from), ...nodes.slice(0, from)]) {
      try {
        return await this.agent.request({ ...call, origin: url });
      } catch (error) {
        // Nobody has taken the call: the next node may.
        if (!isUnreachable(error)) throw unanswered(target);
      }
    }
    throw unanswered(target);
  }

  private async nodesFor(target: string): Promise<readonly KnownNode[]> {
    const nodes = await this.directory.nodes();
    if ((ROLES as readonly string[]).includes(target)) return nodes.filter(({ role }) => role === target);
    const named = nodes.filter(({ nodeId }) => nodeId === target);
    if (named.length === 0) throw new Problem('not-found', `There is no living node ${target.slice(0, 64)}.`);
    return named;
  }
}

export const unanswered = (target: string) =>
  new Problem(
    'store-unavailable',
    `No ${target} node answers. Is one running, and reachable under the URL in /v1/cluster?`,
  );

const isUnreachable = (error: unknown): boolean =>
  error instanceof Error &&
  'code' in error &&
  ['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'UND_ERR_CONNECT_TIMEOUT'].includes(
    String(error.code),
  );

function pick(headers: IncomingHttpHeaders, names: readonly string[]): Record<string, string> {
  const found: Record<string, string> = {};
  for (const name of names) {
    const value = headers[name];
    if (value !== undefined) found[name] = String(value);
  }
  return found;
}
