import { realmFields } from '@syncline/contracts';
import type { z } from 'zod';

/** Rewrites the names in a value that has the form of a schema: a changed copy. `rename`: of one text. */
export type Rename = (value: unknown, rename: Texts) => unknown;

/** What becomes of a field by its kind: see {@link realmFields}. */
export interface Texts {
  readonly name: (text: string) => string;
  readonly problem: (text: string) => string;
}

const compiled = new WeakMap<z.core.$ZodType, { readonly rename: Rename | undefined }>();

/** How to rewrite the names in values of a schema; undefined: they have none. */
export function renameIn(schema: z.core.$ZodType): Rename | undefined {
  let known = compiled.get(schema);
  if (known === undefined) {
    known = { rename: compile(schema as z.core.$ZodTypes) };
    compiled.set(schema, known);
  }
  return known.rename;
}

function compile(schema: z.core.$ZodTypes): Rename | undefined {
  const field = realmFields.get(schema);
  if (field !== undefined) return (value, texts) => inTexts(value, texts[field.kind]);
  const { def } = schema._zod;
  switch (def.type) {
    case 'object':
      return inObject(def.shape);
    case 'array': {
      const rename = renameIn(def.element);
      return (
        rename &&
        ((value, texts) => (Array.isArray(value) ? value.map((item) => rename(item, texts)) : value))
      );
    }
    case 'union':
      return inUnion(def.options);
    case 'optional':
    case 'nullable':
    case 'default':
    case 'prefault':
    case 'catch':
    case 'readonly':
    case 'nonoptional': {
      const rename = renameIn(def.innerType);
      return rename && ((value, texts) => (isAbsent(value) ? value : rename(value, texts)));
    }
    case 'pipe':
      return renameIn(def.out);
    default:
      return undefined;
  }
}

/** `undefined` and null; and what stands in the place of an ill-formed item. */
const isAbsent = (value: unknown): boolean => value === undefined || value === null || value instanceof Error;

/** All texts in a value, however deep. */
function inTexts(value: unknown, rename: (text: string) => string): unknown {
  if (typeof value === 'string') return rename(value);
  if (Array.isArray(value)) return value.map((item) => inTexts(item, rename));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, inTexts(item, rename)]));
}

function inObject(shape: Readonly<Record<string, z.core.$ZodType>>): Rename | undefined {
  const fields = Object.entries(shape).flatMap(([key, schema]) => {
    const rename = renameIn(schema);
    return rename === undefined ? [] : [{ key, rename }];
  });
  if (fields.length === 0) return undefined;
  return (value, texts) => {
    const copy: Record<string, unknown> = { ...(value as object) };
    for (const { key, rename } of fields) if (copy[key] !== undefined) copy[key] = rename(copy[key], texts);
    return copy;
  };
}

/** As the first form that the value has, before or after: only names as callers have them fit into a schema. */
function inUnion(options: readonly z.core.$ZodType[]): Rename | undefined {
  const forms = options.map((option) => ({ option: option as z.ZodType, rename: renameIn(option) }));
  if (forms.every(({ rename }) => rename === undefined)) return undefined;
  return (value, texts) => {
    for (const { option, rename } of forms) {
      const renamed = rename === undefined ? value : rename(value, texts);
      if (option.safeParse(value).success || option.safeParse(renamed).success) return renamed;
    }
    throw new Error('A value that may have names has none of the forms of its schema.');
  };
}
