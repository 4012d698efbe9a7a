import { posix } from 'node:path';
import { linksLeadSomewhere, pagesAreOnTheSite, pathsInTextExist } from './document-rules.js';
import {
  filesIncludeWhatTheyUse,
  scriptsAreBounded,
  scriptsHaveAWrapperAndAHeader,
  scriptsReadTimeOnce,
} from './lua-rules.js';
import { importsOf, isMarkdown, isTestOrTool, isTypeScript, type Rule, type Source } from './sources.js';

/** In lines of code: comments do not count. */
const LONGEST_FILE = 300;
/** A spec may be longer, because its cases are read one at a time. */
const LONGEST_SPEC = 500;

/** The packages that each package may import. No package may import an app. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  'libs/contracts': [],
  'libs/redis': ['contracts'],
  'libs/runtime': ['contracts', 'redis'],
  'libs/cluster': ['contracts', 'redis', 'runtime'],
  'libs/locks': ['contracts', 'redis', 'runtime', 'cluster'],
  'libs/queues': ['contracts', 'redis', 'runtime', 'cluster'],
  'libs/caches': ['contracts', 'redis', 'runtime', 'cluster'],
  'libs/http': ['contracts', 'redis', 'runtime', 'cluster'],
  // The page in a browser: it takes the types alone.
  'libs/console': ['contracts'],
  'libs/client': ['contracts'],
  'libs/cli': ['contracts', 'client', 'client/ports', 'embedded'],
  'libs/embedded': [
    'contracts',
    'redis',
    'runtime',
    'cluster',
    'locks',
    'caches',
    'queues',
    'queues/lone-extender',
    'client',
    'client/ports',
  ],
  'libs/nestjs': ['client', 'client/ports', 'client/testing', 'embedded'],
  'libs/keyv': ['client'],
  'libs/next': ['client', 'client/ports', 'embedded'],
  'libs/otel': ['client'],
  'libs/testing': ['contracts'],
  'apps/lock': ['contracts', 'runtime', 'locks', 'http'],
  'apps/queue': ['contracts', 'runtime', 'queues', 'http'],
  'apps/cache': ['contracts', 'runtime', 'caches', 'http'],
};

const packageOf = (path: string) => /^(?:libs|apps)\/[^/]+/.exec(path)?.[0] ?? '';

const importsPointOneWay: Rule = (sources) =>
  sources.filter(isTypeScript).flatMap((source) => {
    const home = packageOf(source.path);
    if (home === '') return [];
    const allowed = MAY_IMPORT[home];
    if (allowed === undefined)
      return [`${source.path}: add ${home} to MAY_IMPORT in test/architecture/rules.ts`];
    return importsOf(source).flatMap((imported) => {
      const lib = /^@syncline\/([^/]+)(\/.*)?$/.exec(imported);
      const named = imported.slice('@syncline/'.length);
      if (lib?.[2] && !allowed.includes(named))
        return [`${source.path}: import @syncline/${lib[1]}, not a file inside it`];
      if (lib?.[1]) {
        const ok = allowed.includes(lib[1]) || (isTestOrTool(source) && lib[1] === 'testing');
        return ok ? [] : [`${source.path}: ${home} may not import ${imported}; move what is shared below it`];
      }
      if (!imported.startsWith('.')) return [];
      const target = posix.join(posix.dirname(source.path), imported);
      if (isTestOrTool(source) && /^(test|scripts)\//.test(target)) return [];
      return packageOf(target) === home
        ? []
        : [`${source.path}: reaches into ${target}; import a package's index`];
    });
  });

const isEngine = ({ path }: Source) => /^libs\/(locks|queues|caches)\//.test(path);
const isInRedisFolder = ({ path }: Source) => /^libs\/(redis|cluster)\/|\/src\/redis\//.test(path);

/** Imports that can send commands to Redis. Errors and modules of `@syncline/redis` are allowed everywhere. */
const SPEAKS_REDIS =
  /from 'ioredis'|import [^;]*\b(REDIS|REDIS_OPTIONS|RedisClient|LuaLibrary|removeLibraries|\w+Connection)\b[^;]* from '@syncline\/redis'/;

const onlyTheRedisFolderSpeaksRedis: Rule = (sources) =>
  sources
    .filter((source) => isTypeScript(source) && !isTestOrTool(source))
    .filter((source) => isEngine(source) || /^(apps|libs\/runtime)\//.test(source.path))
    .filter((source) => !isInRedisFolder(source) && SPEAKS_REDIS.test(source.text))
    .map(({ path }) => `${path}: let a store in the engine's redis/ folder do it`);

const EDGE =
  /^(express|undici|ws|(node:)?https?|@nestjs\/(platform-express|swagger|terminus)|@syncline\/http)$/;

const enginesKnowNoEdge: Rule = (sources) =>
  sources
    .filter((source) => isTypeScript(source) && !isTestOrTool(source))
    .filter((source) => isEngine(source) || /^libs\/(redis|runtime|cluster|embedded)\//.test(source.path))
    .filter((source) => importsOf(source).some((imported) => EDGE.test(imported)))
    .map(
      ({ path }) =>
        `${path}: engines run in any process; routes, Swagger and health belong to apps/ and libs/http`,
    );

/** The entry points of processes: nodes, the command line, and what Next loads and tells something in no other way. */
const READ_THE_ENVIRONMENT = [
  'libs/http/src/node/start-node.ts',
  'libs/cli/src/main.ts',
  'libs/next/src/environment.ts',
];

const environmentIsReadOnce: Rule = (sources) =>
  sources
    .filter((source) => isTypeScript(source) && !isTestOrTool(source))
    .filter(({ path, text }) => !READ_THE_ENVIRONMENT.includes(path) && /\bprocess\.env\b/.test(text))
    .map(
      ({ path }) =>
        `${path}: take the setting as a parameter; only startNode and the command line read process.env`,
    );

const noLuaInTypeScript: Rule = (sources) =>
  sources
    .filter((source) => isTypeScript(source) && !isTestOrTool(source))
    .filter(({ text }) => /redis\.p?call\s*\(/.test(text.replace(/^\s*(\*|\/\/).*$/gm, '')))
    .map(({ path }) => `${path}: put the script into a .lua file beside a typed wrapper`);

const noModuleState: Rule = (sources) =>
  sources
    .filter((source) => isTypeScript(source) && !isTestOrTool(source))
    .filter(({ text }) => /^(export )?(let|var) /m.test(text))
    .map(({ path }) => `${path}: keep state in an instance, not in a variable of the module`);

const noJunkDrawers: Rule = (sources) =>
  sources
    .filter(({ path }) => /(^|\/)(common|utils?|helpers?|shared|misc)(\/|\.[^/]+$)/.test(path))
    .map(({ path }) => `${path}: name it after the concept that it holds`);

const linesOfCode = (text: string) =>
  text.split('\n').filter((line) => !/^\s*($|\/\/|\/?\*|--)/.test(line)).length;

const filesAreShort: Rule = (sources) =>
  sources
    .filter((source) => !isMarkdown(source))
    .flatMap(({ path, text }) => {
      const lines = linesOfCode(text);
      const limit = path.endsWith('.spec.ts') ? LONGEST_SPEC : LONGEST_FILE;
      return lines >= limit
        ? [`${path}: ${lines} lines of code, ${limit} are too many; split it by concept`]
        : [];
    });

const noTestIsSwitchedOff: Rule = (sources) =>
  sources
    .filter(({ path }) => path.endsWith('.spec.ts'))
    .filter(({ text }) =>
      /\b(describe|it|test)\.(only|skip|todo|failing)\b|^\s*[xf](it|describe|test)\(/m.test(text),
    )
    .map(({ path }) => `${path}: run all tests or remove those that are not needed`);

const ROUTE = /^ {2}@(?:All|Delete|Get|Head|Options|Patch|Post|Put|Sse)\(/m;

const handlersSayWhatTheyDo: Rule = (sources) =>
  sources
    .filter(({ path, text }) => path.endsWith('.controller.ts') && !/^@Open\(\)/m.test(text))
    .flatMap(({ path, text }) =>
      text
        .split(ROUTE)
        .slice(1)
        .flatMap((handler) => {
          if (!/^ {2}@(Does|AnyKey|Open)\(/m.test(handler))
            return [`${path}: say what each handler does, below its route: @Does(action, names)`];
          return handler.includes('JUDGED_BY_HANDLER') && !handler.includes('@CalledBy()')
            ? [`${path}: take the caller, @CalledBy(), to judge the names`]
            : [];
        }),
    );

export const RULES = {
  'imports point one way: contracts <- redis <- runtime <- cluster <- engines, http <- apps':
    importsPointOneWay,
  'only the redis folder of an engine speaks Redis': onlyTheRedisFolderSpeaksRedis,
  'engines know no edge': enginesKnowNoEdge,
  'paths in documents exist': pathsInTextExist,
  'links in documents lead somewhere': linksLeadSomewhere,
  'every page of docs/ is on the site': pagesAreOnTheSite,
  'every handler says what it does, to which names': handlersSayWhatTheyDo,
  'the environment is read in one place': environmentIsReadOnce,
  'no Lua inside of TypeScript': noLuaInTypeScript,
  'no mutable state of a module': noModuleState,
  'every file is named after a concept': noJunkDrawers,
  'files stay below 300 lines of code': filesAreShort,
  'no test is switched off': noTestIsSwitchedOff,
  'every script has a typed wrapper and a header': scriptsHaveAWrapperAndAHeader,
  'no script looks at every key': scriptsAreBounded,
  'a script reads the clock once': scriptsReadTimeOnce,
  'a file of a shelf includes what it uses': filesIncludeWhatTheyUse,
} as const satisfies Record<string, Rule>;
