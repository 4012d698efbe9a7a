import { z } from 'zod';

export const tenantNameSchema = z
  .string()
  .regex(/^[A-Za-z0-9._-]{1,64}$/, 'expected 1 to 64 characters out of A-Z a-z 0-9 . _ -');

const MARK = '~';

/**
 * What names of a tenant begin with inside of the nodes and in Redis: `~TENANT~`; '' for names of no tenant. Callers have names
 * without `~`, so names of two realms are never the same, and those of tenants stand after all others in a list.
 */
export const realmOf = (tenant: string | undefined): string =>
  tenant === undefined ? '' : `${MARK}${tenant}${MARK}`;

/** The realm that a name of the inside is in. */
export const realmIn = (name: string): string =>
  name.startsWith(MARK) ? name.slice(0, name.indexOf(MARK, 1) + 1) : '';

/** The name that its caller has for a name of the inside. */
export const withoutRealm = (name: string): string => name.slice(realmIn(name).length);

/**
 * Fields whose texts callers have without their realm: it is put before what comes in, and taken from what goes out. `name`: a
 * name, a part of one from its beginning on, or a session id; `problem`: names may stand anywhere in its texts.
 */
export const realmFields = z.registry<{ readonly kind: 'name' | 'problem' }>();
export const NAME_FIELD = { kind: 'name' } as const;
