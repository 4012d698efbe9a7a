// npm run test:newer-redis: runs tests, those that are named, on the Redis and on the Valkey of the next release of Debian.
// They are fetched by apt into a folder of this project; the system stays as it is.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const RELEASE = 'trixie';
const FOLDER = resolve('node_modules/.cache/newer-redis');
const SERVERS = { redis: 'redis-check-rdb', valkey: 'valkey-check-rdb' };
/** With the libraries that they are linked to: the system has older ones. */
const PACKAGES = [
  ...[
    'redis-tools',
    'valkey-tools',
    'libatomic1',
    'libc6',
    'libcap2',
    'libgcc-s1',
    'libjemalloc2',
    'liblzf1',
  ],
  ...['libssl3t64', 'libstdc++6', 'libsystemd0', 'libzstd1', 'zlib1g'],
];
const HOW_TO =
  'The newer Redis cannot be had: this needs Debian, apt-get and a network. Name one by REDIS_SERVER=path npm test instead.';

const say = (line) => process.stderr.write(`${line}\n`);
const fail = (reason) => {
  say(`${reason}\n${HOW_TO}`);
  process.exit(1);
};

function run(command, args) {
  const { status, stderr, error } = spawnSync(command, args, { encoding: 'utf8', cwd: FOLDER });
  if (status !== 0) fail(`${command} ${args.at(-1)}: ${error?.message ?? stderr}`);
}

/** The first source of Debian itself that this system has, for the other release. */
function sourceOf() {
  const parts = '/etc/apt/sources.list.d';
  const files = [
    '/etc/apt/sources.list',
    ...(existsSync(parts) ? readdirSync(parts).map((file) => join(parts, file)) : []),
  ];
  const text = files
    .filter((file) => existsSync(file))
    .map((file) => readFileSync(file, 'utf8'))
    .join('\n');
  const uri = /(?:^URIs: *|^deb +(?:\[[^\]]*\] +)?)(\S+\/debian)\/?(?= |$)/m.exec(text)?.[1];
  return uri === undefined ? fail('No source of Debian is known here.') : `deb ${uri} ${RELEASE} main\n`;
}

function fetchServers() {
  say(`Fetching the Redis and the Valkey of Debian ${RELEASE} ...`);
  for (const part of ['lists/partial', 'archives/partial', 'root'])
    mkdirSync(join(FOLDER, part), { recursive: true });
  writeFileSync(join(FOLDER, 'sources.list'), sourceOf());
  writeFileSync(join(FOLDER, 'status'), '');
  const options = {
    'Dir::Etc::sourcelist': join(FOLDER, 'sources.list'),
    'Dir::Etc::sourceparts': '-',
    'Dir::State::lists': join(FOLDER, 'lists'),
    'Dir::State::status': join(FOLDER, 'status'),
    'Dir::Cache': FOLDER,
    'APT::Sandbox::User': 'root',
    'Acquire::Languages': 'none',
  };
  const apt = Object.entries(options).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
  run('apt-get', ['-q', ...apt, 'update']);
  run('apt-get', ['-q', ...apt, 'download', ...PACKAGES]);
  for (const file of readdirSync(FOLDER)) if (file.endsWith('.deb')) run('dpkg', ['-x', file, 'root']);
  const libraries = ['usr/lib', 'lib']
    .map((path) => join(FOLDER, 'root', path, 'x86_64-linux-gnu'))
    .join(':');
  for (const [name, program] of Object.entries(SERVERS)) {
    // By the name of a server it is one.
    const line = [
      `exec -a ${name}-server ${FOLDER}/root/usr/lib64/ld-linux-x86-64.so.2`,
      `--argv0 ${name}-server --library-path ${libraries} ${FOLDER}/root/usr/bin/${program} "$@"`,
    ].join(' ');
    writeFileSync(serverOf(name), `#!/bin/bash\n${line}\n`, { mode: 0o755 });
  }
}

const serverOf = (name) => join(FOLDER, `${name}-server`);

if (process.platform !== 'linux' || process.arch !== 'x64')
  fail(`This is ${process.platform} on ${process.arch}.`);
if (!Object.keys(SERVERS).every((name) => existsSync(serverOf(name)))) fetchServers();
for (const name of Object.keys(SERVERS)) {
  say(spawnSync(serverOf(name), ['--version'], { encoding: 'utf8' }).stdout.trim());
  const { status } = spawnSync('npm', ['test', '--', ...process.argv.slice(2)], {
    stdio: 'inherit',
    env: { ...process.env, REDIS_SERVER: serverOf(name) },
  });
  if (status !== 0) process.exit(status ?? 1);
}
