import type { NodeProcess } from '@syncline/testing';
import { Agent, request } from 'undici';
import { Random } from '../faults/core/random.js';
import { ApiDocument, type Operation } from './document.js';
import { ANSWER_MS, Streamed } from './streamed.js';
import { type Made, makeRequest } from './values.js';

const IN_FLIGHT = 16;
const MOST_FINDINGS = 50;
/** Any request may be refused in these ways before its route is known. */
const REFUSALS = new Set([400, 404, 405, 413, 431]);
/** It has no end. */
const isStream = ({ responses }: Operation) => responses[200]?.content?.['text/event-stream'] !== undefined;
const isCalled = ({ path }: Operation) => path === '/v1/calls';

export interface FuzzResult {
  readonly requests: number;
  readonly byStatus: Readonly<Record<number, number>>;
  readonly findings: readonly string[];
}

/** Sends odd requests to a node, by HTTP and over a call stream, and judges each answer by the node's OpenAPI document. */
export async function fuzz(node: NodeProcess, seed: number, count: number): Promise<FuzzResult> {
  const agent = new Agent({ connections: IN_FLIGHT, headersTimeout: ANSWER_MS, bodyTimeout: ANSWER_MS });
  const { body } = await request(`${node.url}/api/doc-json`, { dispatcher: agent });
  const document = new ApiDocument((await body.json()) as ConstructorParameters<typeof ApiDocument>[0]);
  const operations = document.operations.filter((each) => !isStream(each) && !isCalled(each));
  const random = new Random(seed);
  const streamed = new Streamed(node.url);
  const byStatus: Record<number, number> = {};
  const findings = new Set<string>();
  let left = count;

  const judge = (made: Made, how: string, status: number, type: string, answer: unknown) => {
    byStatus[status] = (byStatus[status] ?? 0) + 1;
    const { operation } = made;
    const fault = document.faultOf(operation, status, type, answer);
    const undeclared = fault !== null && operation.responses[status] === undefined;
    if (fault === null || (undeclared && REFUSALS.has(status))) return;
    const what = `${how} ${operation.method} ${operation.path}: ${fault}`;
    if (findings.size < MOST_FINDINGS) findings.add(`${what}\n  ${made.target} ${made.body?.slice(0, 300)}`);
  };
  const overHttp = async (made: Made) => {
    const { method } = made.operation;
    const answer = await request(encodeURI(node.url) + made.target, {
      method: method as 'GET',
      headers: made.headers,
      body: made.body ?? null,
      dispatcher: agent,
    });
    const [type = ''] = `${answer.headers['content-type'] ?? ''}`.split(';');
    const text = await answer.body.text();
    judge(made, 'HTTP', answer.statusCode, type, type.endsWith('json') ? parsed(text) : text);
  };
  const overStream = async (made: Made) => {
    const answer = await streamed.call(made.target, made.json);
    if (answer === null) return;
    const type = answer.status < 400 ? 'application/json' : 'application/problem+json';
    judge(made, 'stream', answer.status, type, answer.body);
  };
  const client = async () => {
    while (left > 0) {
      left -= 1;
      const made = makeRequest(document, random, random.pick(operations));
      const canStream = made.operation.method === 'POST' && made.json !== undefined;
      try {
        if (random.chance(1)) await streamed.send(JSON.stringify(made.json ?? [{}]));
        if (canStream && random.chance(50)) await overStream(made);
        else await overHttp(made);
      } catch (error) {
        findings.add(`${made.operation.method} ${made.target} ${made.body?.slice(0, 300)}: ${error}`);
        if (findings.size >= MOST_FINDINGS) return;
      }
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, client));
  streamed.close();
  await agent.close();
  return { requests: count - left, byStatus, findings: [...findings] };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
