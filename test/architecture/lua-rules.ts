import { posix } from 'node:path';
import { isLua, isTypeScript, type Rule, type Source } from './sources.js';

/** Folder of the shared parts, included as `@redis/clock.lua`. */
const SHARED_PARTS = 'libs/redis/src/lua/parts';

/** The comment at the start of a script, after an optional `#!lua` line. */
const headerOf = (text: string) => /^(?:#!lua.*\n)?((?:--.*\n)*)/.exec(text)?.[1] ?? '';
/** Folder of the shelf of a file: include paths are relative to it. */
const shelfOf = (path: string) => posix.dirname(path).replace(/\/parts$/, '');
const includesOf = ({ path, text }: Source) =>
  [...text.matchAll(/^-- @include (\S+)/gm)].map(([, file = '']) =>
    file.startsWith('@redis/')
      ? posix.join(SHARED_PARTS, file.slice('@redis/'.length))
      : posix.join(shelfOf(path), file),
  );
/** The `.lua` files that a TypeScript file names, in its folder or on a shelf next to it, as './verb.lua' or as 'verb'. */
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
      return [`${path}: start with a comment that says what it does`];
    }
    if (wrapped.has(path)) {
      return headerOf(text).includes('KEYS') ? [] : [`${path}: document KEYS and ARGV in its header`];
    }
    return included.has(path) || path.startsWith(SHARED_PARTS)
      ? []
      : [`${path}: add a typed wrapper next to it or next to its shelf, or remove it`];
  });
};

export const scriptsAreBounded: Rule = (sources) =>
  sources
    .filter(isLua)
    .filter(({ text }) => /redis\.p?call\s*\(\s*['"](KEYS|FLUSHALL|FLUSHDB|SORT|DEBUG)['"]/i.test(text))
    .map(({ path }) => `${path}: KEYS, FLUSHALL and similar commands block Redis; keep an index instead`);

/** The paths that a file includes, directly or not. */
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
    .map((path) => `${path}: read TIME only once, at the start, because it changes during a script`);
};

const namesIn = (lists: Iterable<RegExpMatchArray>) =>
  [...lists].flatMap(([, list = '']) => list.split(',').map((name) => name.trim()));
/** The locals that a part defines for the files that include it. */
const leftBy = ({ text }: Source) => namesIn(text.matchAll(/^local (?:function )?([\w, ]+)/gm));

/** Names that a Lua file uses but does not declare. An approximation by regular expressions. */
function foreignNames({ text }: Source): Set<string> {
  const code = text.replace(/--.*$/gm, '').replace(/'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"/g, "''");
  const withoutFields = code.replace(/([{,]\s*)\w+\s*=(?!=)/g, '$1');
  const names = new Set(withoutFields.match(/(?<![\w.:])[A-Za-z_]\w*/g));
  const declared = [
    ...namesIn(code.matchAll(/\blocal (?:function )?([\w, ]+)/g)),
    ...namesIn(code.matchAll(/\bfunction[^(]*\(([^)]*)\)/g)),
    ...namesIn(code.matchAll(/\bfor ([\w, ]+?)(?: in |\s*=)/g)),
  ];
  for (const name of declared) names.delete(name);
  return names;
}

/** A library has all parts in one scope, a script only the included ones. This rule makes both behave the same. */
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
