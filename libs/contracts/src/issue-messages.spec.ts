import { z } from 'zod';
import { batchItem } from './batch.js';
import { durationMs, nameSchema } from './fields.js';
import { checked, MAX_ERRORS, type ValidationFailed } from './validation.js';

const refusalOf = (schema: z.ZodType, value: unknown) => {
  try {
    checked(schema, value, 'body');
  } catch (error) {
    return error as ValidationFailed;
  }
  throw new Error('The value was accepted.');
};
const messageOf = (schema: z.ZodType, value: unknown) => {
  const [first] = refusalOf(schema, value).extra.errors as { message: string }[];
  return first?.message;
};

describe('the message of a validation issue', () => {
  it.each([
    ['required, a string of 1 to 256 characters', z.string().min(1).max(256), undefined],
    ['expected a string of 1 to 256 characters', z.string().min(1).max(256), 5],
    ['expected at least 1 character', z.string().min(1), ''],
    ['expected at most 3 characters', z.string().max(3), 'four'],
    ['required, a whole number from 100 to 86400000', durationMs(100, 86_400_000), undefined],
    ['expected a whole number from 100 to 86400000', durationMs(100, 86_400_000), '500'],
    ['expected at least 100', durationMs(100, 1_000), 1],
    ['expected at most 1000', durationMs(100, 1_000), 2_000],
    ['expected a whole number from 100 to 1000', durationMs(100, 1_000), 100.5],
    ['expected a whole number from 1 to 1000', z.coerce.number().int().min(1).max(1_000), 'many'],
    ['expected a number', z.number(), Number.NaN],
    ['expected a UUID, as in 5b1f3c0e-8f0d-4b52-9a4e-1a2b3c4d5e6f', z.guid(), 'x'],
    ['required, a UUID, as in 5b1f3c0e-8f0d-4b52-9a4e-1a2b3c4d5e6f', z.guid(), undefined],
    ['expected a UTC timestamp, as in 2026-01-31T09:30:00.000Z', z.iso.datetime(), 'now'],
    ['expected true or false', z.boolean(), 1],
    ['required, an array of 1 to 32 items', z.array(z.string()).min(1).max(32), undefined],
    ['expected at most 2 items', z.array(z.int()).max(2), [1, 2, 3]],
    ['expected an object', z.strictObject({}), 'text'],
    ['expected an object', z.record(z.string(), z.string()), []],
    ['required, one of "shared", "exclusive"', z.enum(['shared', 'exclusive']), undefined],
    ['expected one of "shared", "exclusive"', z.enum(['shared', 'exclusive']), 'both'],
    ['expected true', z.literal(true), false],
    ['expected a string, or null', z.union([z.string(), z.null()]), 5],
    ['unknown field: tll', z.strictObject({}), { tll: 1 }],
    ['unknown fields: a, b', z.strictObject({}), { a: 1, b: 2 }],
  ])('reads "%s"', (message, schema, value) => {
    expect(messageOf(schema, value)).toBe(message);
  });

  it('describes the format of a name when the name is missing', () => {
    expect(messageOf(nameSchema, undefined)).toMatch(/^required, 1 to 256 characters out of A-Z/);
  });

  it('lists the values of a discriminator', () => {
    const schema = z.discriminatedUnion('op', [
      z.strictObject({ op: z.literal('acquire') }),
      z.strictObject({ op: z.literal('release') }),
    ]);
    expect(messageOf(schema, { op: 'steal' })).toBe('expected one of "acquire", "release"');
    expect(messageOf(schema, {})).toBe('expected one of "acquire", "release"');
  });

  it('reads the same for an item of a batch', () => {
    const [item] = checked(z.array(batchItem(z.strictObject({ owner: z.string() }))), [{}], 'body');
    expect((item as ValidationFailed).extra.errors).toEqual([
      { path: 'owner', message: 'required, a string' },
    ]);
  });

  it('stays short for thousands of issues and for long values', () => {
    const many = Object.fromEntries(Array.from({ length: 5_000 }, (_, i) => [`h${i}`, i]));
    const refusal = refusalOf(z.record(z.string(), z.string()), many);
    expect(refusal.extra.errors).toHaveLength(MAX_ERRORS);
    expect(refusal.extra.more).toBe(5_000 - MAX_ERRORS);
    expect(refusal.detail).toMatch(/; and 4980 more$/);
    expect(messageOf(z.strictObject({}), many)).toBe('unknown fields: h0, h1, h2, h3, h4 and 4995 more');
    const long = refusalOf(z.record(z.string(), z.string()), { ['x'.repeat(1_000_000)]: 1 });
    expect(JSON.stringify(long.toBody('/')).length).toBeLessThan(2_000);
  });
});
