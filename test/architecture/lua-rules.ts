import { posix } from 'node:path';
import { isLua, isTypeScript, type Rule, type Source } from './sources.js';

/** Parts that every shelf may include, as `@redis/clock.lua`. */
const SHARED_PARTS = 'libs/redis/src/lua/parts';

/** What a script says before it does anything; its first line may be for Redis. */
const headerOf = (text: string) => /^(?:#!lua.*\n)?((?:--.*\n)*)/.exec(text)?.[1] ?? '';
/** Folder of the shelf that a file lies on: paths of parts begin there. */
const shelfOf = (path: string) => posix.dirname(path).replace(/\/parts$/, '');
const includesOf = ({ path, text }: Source) =>
  [...text.matchAll(/^-- @include (\S+)/gm)].map(([, file = '']) =>
    file.startsWith('@redis/')
      ? posix.join(SHARED_PARTS, file.slice('@redis/'.length))
      : posix.join(shelfOf(path), file),
  );
/** The `.lua` files that a TypeScript file names, beside it or on a shelf beside it, as './verb.lua' or as 'verb'. */
const wrappedBy = ({ path, text }: Source) => {
  const folders = ['.', ...[...text.matchAll(/new URL\('\.\/([\w-]+)\/'/g)].map(([, folder = '']) => folder)];
  return [...text.matchAll(/'(?:\.\/)?([\w-]+)(?:\.lua)?'/g)].flatMap(([, name = '']) =>
    folders.map((folder) => posix.join(posix.dirname(path), folder, `${name}.lua`)),
  );
};

export const scriptsHaveAWrapperAndAHeader: Rule = (sources) => {
  const wrapped = new Set(sources.filter(isTypeScript).flatMap(wrappedBy));
  const included = new Set(sources.filter(isLua).flatMap(includesOf));
  return sources.filter(isLua).flatMap(({ path, text }) => {
    if (!/^-- \S/.test(headerOf(text)) && !text.includes("redis.call('TIME')")) {
      return [`${path}: say first what it does`];
    }
    if (wrapped.has(path)) {
      return headerOf(text).includes('KEYS') ? [] : [`${path}: say in its header what its KEYS and ARGV are`];
    }
    return included.has(path) || path.startsWith(SHARED_PARTS)
      ? []
      : [`${path}: give it a typed wrapper in a file beside it or beside its shelf, or remove it`];
  });
};

export const scriptsAreBounded: Rule = (sources) =>
  sources
    .filter(isLua)
    .filter(({ text }) => /redis\.p?call\s*\(\s*['"](KEYS|FLUSHALL|FLUSHDB|SORT|DEBUG)['"]/i.test(text))
    .map(({ path }) => `${path}: KEYS, FLUSHALL and their like stop everybody; keep an index instead`);

/** What a file includes, directly or not. */
const allIncludesOf = (path: string, byPath: ReadonlyMap<string, Source>, seen = new Set<string>()) => {
  const source = byPath.get(path);
  if (source === undefined) return seen;
  for (const include of includesOf(source).filter((each) => !seen.has(each))) {
    seen.add(include);
    allIncludesOf(include, byPath, seen);
  }
  return seen;
};

const luaByPath = (sources: readonly Source[]) =>
  new Map(sources.filter(isLua).map((source) => [source.path, source]));

export const scriptsReadTimeOnce: Rule = (sources) => {
  const byPath = luaByPath(sources);
  const reads = (path: string) =>
    [...(byPath.get(path)?.text ?? '').matchAll(/redis\.call\(\s*['"]TIME['"]/gi)].length;
  return [...byPath.keys()]
    .filter((path) => [path, ...allIncludesOf(path, byPath)].reduce((sum, each) => sum + reads(each), 0) > 1)
    .map((path) => `${path}: read TIME once, at the start; it moves within a script`);
};

const namesIn = (lists: Iterable<RegExpMatchArray>) =>
  [...lists].flatMap(([, list = '']) => list.split(',').map((name) => name.trim()));
/** The locals that a part leaves to those that include it. */
const leftBy = ({ text }: Source) => namesIn(text.matchAll(/^local (?:function )?([\w, ]+)/gm));

/** Names of Lua that a file uses and does not declare, as far as words tell. */
function foreignNames({ text }: Source): Set<string> {
  const code = text
    .replace(/--.*$/gm, '')
    .replace(/'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"/g, "''")
    // Fields of a table.
    .replace(/([{,]\s*)\w+\s*=(?!=)/g, '$1');
  const names = new Set(code.match(/(?<![\w.:])[A-Za-z_]\w*/g));
  const declared = [
    ...namesIn(code.matchAll(/\blocal (?:function )?([\w, ]+)/g)),
    ...namesIn(code.matchAll(/\bfunction[^(]*\(([^)]*)\)/g)),
    ...namesIn(code.matchAll(/\bfor ([\w, ]+?)(?: in |\s*=)/g)),
  ];
  for (const name of declared) names.delete(name);
  return names;
}

/** A library has all parts in one scope, a script only those that are included: both must do the same. */
export const filesIncludeWhatTheyUse: Rule = (sources) => {
  const byPath = luaByPath(sources);
  const isPart = ({ path }: Source) => /\/parts\/[^/]+$/.test(path);
  const parts = [...byPath.values()].filter(isPart);
  return [...byPath.values()].flatMap((source) => {
    const shelf = shelfOf(source.path);
    if (!parts.some(({ path }) => shelfOf(path) === shelf)) return [];
    const used = foreignNames(source);
    const included = allIncludesOf(source.path, byPath);
    return parts
      .filter(({ path }) => path !== source.path && !included.has(path))
      .filter(({ path }) => shelfOf(path) === shelf || path.startsWith(SHARED_PARTS))
      .flatMap((part) =>
        leftBy(part)
          .filter((name) => used.has(name))
          .map((name) => `${source.path}: uses ${name}: include ${part.path}`),
      );
  });
};
