import { readFileSync } from 'node:fs';
import { type ApiKey, apiKeySchema, type Grant, InvalidKeysFile, parseKeysFile } from '@syncline/contracts';
import { EXIT } from './exit-codes.js';
import { Failure } from './failure.js';

/** A grant as `role:actions:names`. @throws {Failure} it is none */
export function grantOf(text: string): Grant {
  const [, role, actions = '', names = ''] = /^([^:]+):([^:]+):(.+)$/.exec(text) ?? [];
  const grant = apiKeySchema.shape.grants.safeParse([
    { role, actions: actions.split(','), names: names.split(',') },
  ]);
  if (!grant.success) {
    const why = grant.error.issues.map(({ message }) => message).join('; ');
    throw new Failure(`--grant ${text}: ${why}`, EXIT.usage);
  }
  return grant.data[0] as Grant;
}

/** @throws {Failure} it is not valid */
export function keyOf(key: unknown): ApiKey {
  const result = apiKeySchema.safeParse(key);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new Failure(`${issue?.path.join('.')}: ${issue?.message}`, EXIT.usage);
}

/** @throws {Failure} a node would refuse the file */
export function keysIn(file: string): readonly ApiKey[] {
  try {
    return parseKeysFile(readFileSync(file, 'utf8')).keys;
  } catch (error) {
    if (error instanceof InvalidKeysFile) throw new Failure(`${file}: ${error.message}`, EXIT.failure);
    throw new Failure(`${file}: ${(error as Error).message}`, EXIT.failure);
  }
}

/** What is told of a key: no secret that stands in clear. */
export const withoutSecrets = ({ secrets, ...key }: ApiKey) => ({
  ...key,
  secrets: secrets.map(({ secret, ...rest }) => (secret === undefined ? rest : { ...rest, inClear: true })),
});

export function rowsOf({ name, secrets, grants }: ApiKey) {
  const expired = secrets.filter(
    ({ expiresAt }) => expiresAt !== undefined && Date.parse(expiresAt) <= Date.now(),
  );
  const clear = secrets.filter(({ secret }) => secret !== undefined);
  const counted = [
    `${secrets.length}`,
    ...(expired.length === 0 ? [] : [`${expired.length} expired`]),
    ...(clear.length === 0 ? [] : [`${clear.length} in clear`]),
  ].join(', ');
  if (grants.length === 0) return [[name, counted, '-', '-', '-']];
  return grants.map(({ role, actions, names }, i) => [
    i === 0 ? name : '',
    i === 0 ? counted : '',
    role,
    actions.join(','),
    names.join(','),
  ]);
}
