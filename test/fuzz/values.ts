import type { Random } from '../faults/core/random.js';
import type { ApiDocument, Operation, Schema } from './document.js';

/** No test has the time to wait for long. */
const LONGEST_WAIT_MS = 20;
const NAMES = ['a', 'b', 'orders', '__proto__', 'constructor', 'a/b', '{t}x', 'x'.repeat(256)];

const nested = (depth: number): unknown => JSON.parse('['.repeat(depth) + ']'.repeat(depth));
const ODD: readonly (() => unknown)[] = [
  () => null,
  () => true,
  () => 0,
  () => -1,
  () => 1.5,
  () => 1e308,
  () => 2 ** 53,
  () => -(2 ** 63),
  () => '',
  () => ' ',
  () => '\u0000',
  () => '\ud800',
  () => 'ä€😀',
  () => '..',
  () => '__proto__',
  () => "' OR 1=1 --\r\nX: y",
  () => 'x'.repeat(5_000),
  () => [],
  () => ({}),
  () => [null],
  () => JSON.parse('{"__proto__":{"a":1},"constructor":null}'),
  () => nested(200),
  () => Array.from({ length: 2_000 }, (_, i) => i),
];
const ODD_SEGMENTS = ['%00', '%ff', '%2e%2e', '%2F', 'x'.repeat(300), '%', 'ä', '*', ' ', '%7B%7D', ';a=b'];

/** A value for a schema: often a valid one, sometimes an odd one in its place or in a part of it. */
export function valueFor(
  document: ApiDocument,
  random: Random,
  given: Schema,
  name = '',
  depth = 0,
): unknown {
  if (random.chance(depth === 0 ? 2 : 6)) return random.pick(ODD)();
  const schema = document.resolve(given);
  if (name === 'waitMs') return random.int(0, LONGEST_WAIT_MS);
  if (schema.example !== undefined && random.chance(depth === 0 ? 20 : 50)) return quick(schema.example);
  const choices = schema.anyOf ?? schema.oneOf;
  const part = (inner: Schema, of = '') => valueFor(document, random, inner, of, depth + 1);
  if (depth > 6) return null;
  if (choices !== undefined) return part(random.pick(choices), name);
  if (schema.allOf !== undefined) return part(random.pick(schema.allOf), name);
  if (schema.enum !== undefined) return random.pick(schema.enum);
  switch (schema.type) {
    case 'integer':
    case 'number':
      return random.int(Math.max(schema.minimum ?? 0, -1_000), Math.min(schema.maximum ?? 1_000, 100_000));
    case 'boolean':
      return random.chance(50);
    case 'array': {
      const count = random.chance(1) ? 1_100 : random.int(0, 4);
      return Array.from({ length: count }, () => part(schema.items ?? {}));
    }
    case 'object': {
      const entries = Object.entries(schema.properties ?? {}).filter(([key]) =>
        random.chance(schema.required?.includes(key) ? 97 : 40),
      );
      const value: Record<string, unknown> = Object.fromEntries(
        entries.map(([key, inner]) => [key, part(inner, key)]),
      );
      if (random.chance(3)) value.nonsense = random.pick(ODD)();
      return value;
    }
    default:
      return random.pick(NAMES);
  }
}

/** An example may wait for seconds. */
function quick(example: unknown): unknown {
  if (typeof example !== 'object' || example === null || !('waitMs' in example)) return example;
  return { ...example, waitMs: LONGEST_WAIT_MS };
}

/** A request as it goes over the wire. */
export interface Made {
  readonly operation: Operation;
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Text of the body; undefined: none. */
  readonly body: string | undefined;
  /** JSON of the body, when the text is nothing else. */
  readonly json: unknown;
}

/** One request of an operation. */
export function makeRequest(document: ApiDocument, random: Random, operation: Operation): Made {
  const { path, parameters = [], requestBody } = operation;
  const query = new URLSearchParams();
  const headers: Record<string, string> = {};
  let target = path;
  for (const { name, in: place, required, schema = {} } of parameters) {
    if (place === 'path') {
      const segment = random.chance(5) ? random.pick(ODD_SEGMENTS) : encodeURIComponent(random.pick(NAMES));
      target = target.replace(`{${name}}`, segment);
    } else if (random.chance(required ? 95 : 30)) {
      const text = `${valueFor(document, random, schema, name, 1)}`.slice(0, 2_000);
      if (place === 'query') query.set(name, text);
      else if (/^[\x20-\x7e]*$/.test(text)) headers[name] = text;
    }
  }
  if (query.size > 0) target += `?${query}`;
  const content = Object.entries(requestBody?.content ?? {})[0];
  if (content === undefined) return { operation, target, headers, body: undefined, json: undefined };
  const [type, { schema = {} }] = content;
  headers['content-type'] = random.chance(2) ? 'text/plain' : type;
  const json = valueFor(document, random, schema);
  const text = JSON.stringify(json) ?? '';
  const broken = random.chance(2);
  return {
    operation,
    target,
    headers,
    body: broken ? text.slice(0, random.int(0, text.length)) : text,
    json: broken ? undefined : json,
  };
}
