import { DECORATORS } from '@nestjs/swagger';
import { problemSchema } from '@syncline/contracts';
import type { Request } from 'express';
import type { z } from 'zod';
import type { Call } from '../calls/call.js';
import { renameIn, type Texts } from './name-fields.js';

const REALM = Symbol('realm');
const ANSWER = Symbol('answer');

interface Tagged {
  [REALM]?: string;
}
/** A request of a tenant. */
interface Asked {
  [ANSWER]?: { readonly realm: string; readonly handler: object };
}

/** A parameter of a path. */
class Parameter {
  readonly [REALM]: string;

  constructor(
    readonly text: string,
    realm: string,
  ) {
    this[REALM] = realm;
  }

  toString(): string {
    return this.text;
  }
}

const tag = (value: unknown, realm: string): void => {
  if (typeof value === 'object' && value !== null) Object.defineProperty(value, REALM, { value: realm });
};

/** Has all names of a request taken as names of a realm, and the answer told without it. Not the body of an HTTP request, which is read later. */
export function enterRealm(request: Request | Call, handler: object, realm: string): void {
  (request as Asked)[ANSWER] = { realm, handler };
  const params = Object.entries(request.params).map(([name, text]) => [
    name,
    new Parameter(String(text), realm),
  ]);
  request.params = Object.fromEntries(params);
  if ('query' in request) {
    const { query } = request;
    tag(query, realm);
    Object.defineProperty(request, 'query', { value: query });
  }
  tag(request.body, realm);
}

/** The same for the body of an HTTP request, when it was read. */
export function bodyInRealm(request: Request): void {
  const answer = (request as Asked)[ANSWER];
  if (answer !== undefined) tag(request.body, answer.realm);
}

/** A parameter, query or body as its caller sent it, and the realm of its names; undefined: it is of no tenant. */
export function realmOfValue(
  value: unknown,
): { readonly value: unknown; readonly realm: string } | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const realm = (value as Tagged)[REALM];
  if (realm === undefined) return undefined;
  return { value: value instanceof Parameter ? value.text : value, realm };
}

/** What a caller sent, with the names that the engines know. */
export function toInside(schema: z.ZodType, value: unknown, realm: string): unknown {
  const into = (name: string) => `${realm}${name}`;
  return renameIn(schema)?.(value, { name: into, problem: into }) ?? value;
}

/** What an engine said of something, with the names that the caller knows. */
export function toOutside(schema: z.core.$ZodType, value: unknown, realm: string): unknown {
  return renameIn(schema)?.(value, textsWithout(realm)) ?? value;
}

const textsWithout = (realm: string): Texts => ({
  name: (text) => (text.startsWith(realm) ? text.slice(realm.length) : text),
  problem: (text) => text.replaceAll(realm, ''),
});

/** The answer to a request, as its caller is told it. */
export function answerTo<Body>(request: object, body: Body): Body {
  const answer = (request as Asked)[ANSWER];
  if (answer === undefined) return body;
  const { handler, realm } = answer;
  return answerSchemas(handler).reduce<unknown>(
    (told, schema) => toOutside(schema, told, realm),
    body,
  ) as Body;
}

/** The body of a problem, as the caller of a request is told it. */
export function problemTo<Body>(request: object, body: Body): Body {
  const answer = (request as Asked)[ANSWER];
  return answer === undefined ? body : (toOutside(problemSchema, body, answer.realm) as Body);
}

/** What the OpenAPI document says that a handler answers. */
function answerSchemas(handler: object): readonly z.core.$ZodType[] {
  const responses: Readonly<Record<string, { standardSchema?: z.core.$ZodType }>> =
    Reflect.getMetadata(DECORATORS.API_RESPONSE, handler) ?? {};
  return [...new Set(Object.values(responses).flatMap(({ standardSchema }) => standardSchema ?? []))];
}
