import { createHash, randomBytes } from 'node:crypto';
import { type Command, Option } from 'commander';
import { EXIT } from './exit-codes.js';
import { Failure } from './failure.js';
import { inputOf } from './input.js';
import { tableOf, write, writeJson, writeLine } from './output.js';
import { repeated } from './repeated.js';

/** In a secret that `keys new` makes. */
const SECRET_BYTES = 32;
/** Shorter ones are likely to be guessed. */
const SHORTEST_SECRET = 32;

interface NewOptions {
  readonly grant?: readonly string[];
  readonly expires?: string;
  readonly sqs?: boolean;
  readonly json?: boolean;
}

const hashOf = (secret: string) => `sha256:${createHash('sha256').update(secret).digest('hex')}`;

/** Loaded by the commands that need them, because the rules of the file take as long to load as all the rest. */
const rules = () => import('./keys.js');

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
      ).argParser(repeated),
    )
    .option('--expires <instant>', 'when the secret expires, as in 2027-01-31T00:00:00Z')
    .option(
      '--sqs',
      'for clients of SQS, which sign: the file then has the secret itself instead of its hash',
    )
    .option('--json', 'print JSON, for scripts')
    .action(async (name: string, { grant = [], expires, sqs, json }: NewOptions) => {
      const secret = randomBytes(SECRET_BYTES).toString('base64url');
      const { grantOf, keyOf } = await rules();
      const key = keyOf({
        name,
        secrets: [{ ...(sqs ? { secret } : { hash: hashOf(secret) }), expiresAt: expires }],
        grants: grant.map(grantOf),
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
      const { keysIn, rowsOf, withoutSecrets } = await rules();
      const found = keysIn(file);
      if (json) await writeJson(found.map(withoutSecrets));
      else await write(tableOf(['KEY', 'SECRETS', 'ROLE', 'ACTIONS', 'NAMES'], found.flatMap(rowsOf)));
    });
}
