import type { z } from 'zod';

type Raw = z.core.$ZodRawIssue;
type Schema = z.core.$ZodType;

const MAX_NAMES = 5;
const MAX_NAME_LENGTH = 64;

/**
 * Error messages of validation, for a reader who knows the API but not zod: what is expected, or which field is unknown.
 * A message of the schema itself takes precedence.
 */
export const issueMessage: z.core.$ZodErrorMap = (issue) => {
  switch (issue.code) {
    case 'invalid_type':
      return issue.input === undefined
        ? `required, ${expectedBy(issue.inst, issue.expected)}`
        : `expected ${expectedBy(issue.inst, issue.expected)}`;
    case 'too_small':
      return `expected ${issue.inclusive === false ? 'more than' : 'at least'} ${amount(issue, issue.minimum)}`;
    case 'too_big':
      return `expected ${issue.inclusive === false ? 'less than' : 'at most'} ${amount(issue, issue.maximum)}`;
    case 'invalid_format':
      return `expected ${FORMATS.get(issue.format) ?? `a string of the format ${issue.format}`}`;
    case 'invalid_value':
      return `${issue.input === undefined ? 'required, ' : 'expected '}${oneOf(issue.values)}`;
    case 'not_multiple_of':
      return `expected a multiple of ${issue.divisor}`;
    case 'unrecognized_keys':
      return `unknown ${issue.keys.length === 1 ? 'field' : 'fields'}: ${named(issue.keys)}`;
    case 'invalid_union':
      return unionMessage(issue);
    case 'invalid_key':
      return 'this name is not allowed here';
    default:
      return 'not allowed here';
  }
};

const FORMATS = new Map<string | undefined, string>([
  ['uuid', 'a UUID, as in 5b1f3c0e-8f0d-4b52-9a4e-1a2b3c4d5e6f'],
  ['guid', 'a UUID, as in 5b1f3c0e-8f0d-4b52-9a4e-1a2b3c4d5e6f'],
  ['datetime', 'a UTC timestamp, as in 2026-01-31T09:30:00.000Z'],
  ['regex', 'a string of another format'],
  ['url', 'a URL'],
  ['safeint', 'a whole number'],
]);

const UNITS = new Map([
  ['string', ['character', 'characters']],
  ['array', ['item', 'items']],
  ['set', ['item', 'items']],
  ['object', ['member', 'members']],
] as const);

function amount({ origin }: Raw, size: unknown): string {
  const unit = UNITS.get(origin as 'string');
  return unit === undefined ? String(size) : `${size} ${size === 1 ? unit[0] : unit[1]}`;
}

const oneOf = (values: readonly unknown[]) =>
  values.length === 1
    ? JSON.stringify(values[0])
    : `one of ${values.map((each) => JSON.stringify(each)).join(', ')}`;

function named(keys: readonly string[]): string {
  const names = keys.slice(0, MAX_NAMES).map((key) => key.slice(0, MAX_NAME_LENGTH));
  const rest = keys.length - names.length;
  return names.join(', ') + (rest > 0 ? ` and ${rest} more` : '');
}

function unionMessage({ inst, discriminator, input }: Raw): string {
  const { def } = (inst as z.ZodUnion)._zod;
  if (typeof discriminator === 'string') {
    const values = def.options.flatMap((option) => [
      ...((option as Schema)._zod.propValues?.[discriminator] ?? []),
    ]);
    return `expected ${oneOf(values)}`;
  }
  const forms = [
    ...new Set(def.options.map((option) => expectedBy(option, (option as Schema)._zod.def.type))),
  ];
  return `${input === undefined ? 'required, ' : 'expected '}${forms.join(', or ')}`;
}

/** A short description of what a schema expects. */
function expectedBy(inst: unknown, type: unknown): string {
  const schema = inst as Schema | undefined;
  switch (schema?._zod.def.type) {
    case 'string':
      return expectedString(schema);
    case 'number':
      return expectedNumber(schema);
    case 'array':
      return `an array${rangeOf(schema, ' of ', ' items')}`;
    case 'object':
    case 'record':
      return 'an object';
    case 'enum':
    case 'literal':
      return oneOf([...(schema._zod.values ?? [])]);
    default:
      return TYPES.get(type) ?? `a value of the type ${String(type)}`;
  }
}
const TYPES = new Map<unknown, string>([
  ['int', 'a whole number'],
  ['number', 'a number'],
  ['string', 'a string'],
  ['array', 'an array'],
  ['object', 'an object'],
  ['record', 'an object'],
  ['boolean', 'true or false'],
  ['null', 'null'],
]);

/** A check of a value that has the right type. */
interface Check {
  readonly check?: string;
  readonly format?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly value?: unknown;
  readonly error?: (issue: never) => string | { message: string } | null | undefined;
}

/** A format such as UUID is both a schema and a check. */
function checksOf(schema: Schema): Check[] {
  const def = schema._zod.def as Check & { checks?: { _zod: { def: Check } }[] };
  return [def, ...(def.checks ?? []).map((check) => check._zod.def)];
}

/** A string with a pattern has its own message, which says more than its length. */
function expectedString(schema: Schema): string {
  const checks = checksOf(schema);
  for (const { format, error } of checks) {
    if (format === 'regex') {
      const custom = error?.({ code: 'invalid_format', path: [] } as never);
      const own = typeof custom === 'object' ? custom?.message : custom;
      if (own?.startsWith('expected ')) return own.slice('expected '.length);
    } else if (FORMATS.has(format)) return FORMATS.get(format) as string;
  }
  return `a string${rangeOf(schema, ' of ', ' characters')}`;
}

function expectedNumber(schema: Schema): string {
  const whole = checksOf(schema).some(({ format }) => format?.includes('int'));
  return `${whole ? 'a whole number' : 'a number'}${rangeOf(schema, ' from ', '')}`;
}

function rangeOf(schema: Schema, from: string, unit: string): string {
  let [least, most]: [number?, number?] = [];
  for (const { check, minimum, maximum, value } of checksOf(schema)) {
    least = minimum ?? (check === 'greater_than' ? Number(value) : least);
    most = maximum ?? (check === 'less_than' ? Number(value) : most);
  }
  if (least !== undefined && most !== undefined) return `${from}${least} to ${most}${unit}`;
  if (least !== undefined) return ` of at least ${least}${unit}`;
  return most === undefined ? '' : ` of at most ${most}${unit}`;
}
