import { apiKeysFileSchema } from './access.js';
import { InvalidKeysFile, parseKeysFile } from './api-keys-file.js';

const HASH = `sha256:${'5'.repeat(64)}`;
const key = { name: 'a', secrets: [{ hash: HASH }], grants: [] };
const grant = { role: 'lock', actions: ['lock'], names: ['a:*'] };

const refusalOf = (content: unknown): string => {
  try {
    parseKeysFile(typeof content === 'string' ? content : JSON.stringify(content));
  } catch (error) {
    expect(error).toBeInstanceOf(InvalidKeysFile);
    return (error as Error).message;
  }
  throw new Error('The file was accepted.');
};

describe('a file of API keys', () => {
  it('may be the example of its schema, or have no keys', () => {
    const example = apiKeysFileSchema.meta()?.example;
    expect(parseKeysFile(JSON.stringify(example)).keys).toHaveLength(1);
    expect(parseKeysFile('{"keys":[]}')).toEqual({ keys: [], tenants: [] });
  });

  it.each([
    ['no JSON', '{"keys": [\n  spilled', /^it is not JSON( \(line 2\))?$/],
    ['no object', '["spilled"]', /^the file: /],
    ['an unknown field', { keys: [{ ...key, spilled: 1 }] }, /^keys\.0: it has unknown fields$/],
    [
      'a secret in place of its hash',
      { keys: [{ ...key, secrets: [{ hash: 'spilled' }] }] },
      /hash: expected/,
    ],
    [
      'a key of no such tenant',
      { keys: [{ ...key, tenant: 'acme' }] },
      /^keys\.0\.tenant: expected a tenant/,
    ],
    [
      'a key of a tenant that may do what concerns all',
      {
        keys: [{ ...key, tenant: 'acme', grants: [{ ...grant, actions: ['admin'] }] }],
        tenants: [{ name: 'acme' }],
      },
      /^keys\.0\.grants: expected no `admin`/,
    ],
    ['a tenant twice', { keys: [], tenants: [{ name: 'acme' }, { name: 'acme' }] }, /every name once/],
    ['a name twice', { keys: [key, { ...key, secrets: [] }] }, /every name once/],
    ['a hash twice', { keys: [key, { ...key, name: 'b' }] }, /every hash once/],
    [
      'an action of another role',
      { keys: [{ ...key, grants: [{ ...grant, actions: ['produce'] }] }] },
      /this role/,
    ],
    [
      'an unknown action',
      { keys: [{ ...key, grants: [{ ...grant, actions: ['spilled'] }] }] },
      /expected one of/,
    ],
    ['a pattern with * inside', { keys: [{ ...key, grants: [{ ...grant, names: ['a*b'] }] }] }, /prefix/],
    [
      'a date that is none',
      { keys: [{ ...key, secrets: [{ hash: HASH, expiresAt: 'spilled' }] }] },
      /expiresAt/,
    ],
    [
      'too many names',
      { keys: [{ ...key, grants: [1, 2].map(() => ({ ...grant, names: Array(200).fill('a') })) }] },
      /at most 256 names/,
    ],
  ])('with %s is refused, and nothing of it is told', (_what, content, message) => {
    const refusal = refusalOf(content);
    expect(refusal).toMatch(message);
    expect(refusal).not.toMatch(/spilled|555|\n/);
  });
});
