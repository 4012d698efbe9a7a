import { createHash, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { type ApiKey, apiKeySchema, type Grant, InvalidKeysFile, parseKeysFile } from '@syncline/contracts';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { EXIT } from './exit-codes.js';
import { Failure } from './failure.js';
import { inputOf } from './input.js';
import { tableOf, write, writeJson, writeLine } from './output.js';

/** In a secret that `keys new` makes. */
const SECRET_BYTES = 32;
/** Shorter ones are likely to be guessed. */
const SHORTEST_SECRET = 32;

interface NewOptions {
  readonly grant?: readonly Grant[];
  readonly expires?: string;
  readonly sqs?: boolean;
  readonly json?: boolean;
}

const hashOf = (secret: string) => `sha256:${createHash('sha256').update(secret).digest('hex')}`;

/** Adds the commands for the file of API keys. They call no node. */
export function addKeysCommands(program: Command): void {
  const keys = program.command('keys').description('make and check the API keys of API_KEYS_FILE');
  keys
    .command('new')
    .description('make a key: prints its secret, and what belongs into the file')
    .argument('<name>', 'name of the key')
    .addOption(
      new Option(
        '--grant <role:actions:names>',
        'what it may do, as in queue:produce,consume:billing:*; repeat it for more',
      ).argParser((text: string, earlier: readonly Grant[] = []) => [...earlier, grantOf(text)]),
    )
    .option('--expires <instant>', 'when the secret expires, as in 2027-01-31T00:00:00Z')
    .option(
      '--sqs',
      'for clients of SQS, which sign: the file then has the secret itself instead of its hash',
    )
    .option('--json', 'print JSON, for scripts')
    .action(async (name: string, { grant = [], expires, sqs, json }: NewOptions) => {
      const secret = randomBytes(SECRET_BYTES).toString('base64url');
      const key = checked({
        name,
        secrets: [{ ...(sqs ? { secret } : { hash: hashOf(secret) }), expiresAt: expires }],
        grants: [...grant],
      });
      if (json) await writeJson({ secret, key });
      else await write(`${secret}\n${JSON.stringify(key, null, 2)}\n`);
    });
  keys
    .command('hash')
    .description('print the hash of a secret, which is read from stdin')
    .action(async () => {
      const secret = String(await inputOf('-')).replace(/\r?\n$/, '');
      if (secret.length < SHORTEST_SECRET || /[^\x21-\x7e]/.test(secret)) {
        throw new Failure(
          `expected at least ${SHORTEST_SECRET} visible ASCII characters, chosen at random`,
          EXIT.usage,
        );
      }
      await writeLine(hashOf(secret));
    });
  keys
    .command('check')
    .description('check a file of API keys, and list what is in it')
    .argument('<file>', 'as in API_KEYS_FILE')
    .option('--json', 'print JSON, for scripts')
    .action(async (file: string, { json }: { json?: boolean }) => {
      const found = keysIn(file);
      if (json) await writeJson(found.map(withoutSecrets));
      else await write(tableOf(['KEY', 'SECRETS', 'ROLE', 'ACTIONS', 'NAMES'], found.flatMap(rowsOf)));
    });
}

function grantOf(text: string): Grant {
  const [, role, actions = '', names = ''] = /^([^:]+):([^:]+):(.+)$/.exec(text) ?? [];
  const grant = apiKeySchema.shape.grants.safeParse([
    { role, actions: actions.split(','), names: names.split(',') },
  ]);
  if (!grant.success) {
    throw new InvalidArgumentError(grant.error.issues.map(({ message }) => message).join('; '));
  }
  return grant.data[0] as Grant;
}

function checked(key: unknown): ApiKey {
  const result = apiKeySchema.safeParse(key);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new Failure(`${issue?.path.join('.')}: ${issue?.message}`, EXIT.usage);
}

function keysIn(file: string): readonly ApiKey[] {
  try {
    return parseKeysFile(readFileSync(file, 'utf8')).keys;
  } catch (error) {
    if (error instanceof InvalidKeysFile) throw new Failure(`${file}: ${error.message}`, EXIT.failure);
    throw new Failure(`${file}: ${(error as Error).message}`, EXIT.failure);
  }
}

/** What is told of a key: no secret that stands in clear. */
const withoutSecrets = ({ secrets, ...key }: ApiKey) => ({
  ...key,
  secrets: secrets.map(({ secret, ...rest }) => (secret === undefined ? rest : { ...rest, inClear: true })),
});

function rowsOf({ name, secrets, grants }: ApiKey) {
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
