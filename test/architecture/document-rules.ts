import { existsSync } from 'node:fs';
import { posix } from 'node:path';
import { fragmentOf, TOPICS } from '../../docs/site/topics.js';
import { isMarkdown, type Rule } from './sources.js';

/** Paths of this repository, in backticks: `libs/redis/src/index.ts`. */
const PATH_IN_TEXT = /`((?:apps|libs|test|scripts|benchmarks|examples|docs)\/[\w./-]+)`/g;

export const pathsInTextExist: Rule = (sources) =>
  sources.filter(isMarkdown).flatMap(({ path, text }) =>
    [...text.matchAll(PATH_IN_TEXT)]
      .map(([, named = '']) => named)
      .filter((named) => !existsSync(named))
      .map((named) => `${path}: there is no ${named}`),
  );

const withoutCode = (text: string) => text.replace(/^```.*?^```/gms, '').replace(/`[^`\n]*`/g, '``');

/** The fragments of the headings of a page; those that stand there twice are numbered. */
function fragmentsOf(text: string): Set<string> {
  const headings = [...text.replace(/^```.*?^```/gms, '').matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    fragmentOf(heading.replace(/\]\([^)]*\)/g, '')),
  );
  return new Set(
    headings.map((each, i) => {
      const before = headings.slice(0, i).filter((other) => other === each).length;
      return before === 0 ? each : `${each}-${before}`;
    }),
  );
}

/** Pages that a program writes are checked by that program. */
const isWritten = ({ path }: { path: string }) => path.startsWith('docs/reference/');

export const linksLeadSomewhere: Rule = (sources) => {
  const pages = new Map(sources.filter(isMarkdown).map((page) => [page.path, page]));
  const isThere = (path: string, fragment: string | undefined) => {
    const page = pages.get(path);
    if (page === undefined) return existsSync(path);
    return fragment === undefined || isWritten(page) || fragmentsOf(page.text).has(fragment);
  };
  return [...pages.values()].flatMap(({ path, text }) =>
    [...withoutCode(text).matchAll(/\]\((?!\w+:)([^)#\s]*)(?:#([^)]*))?\)/g)]
      .filter(([, to, fragment]) => {
        const target = to ? posix.join(posix.dirname(path), to) : path;
        return !isThere(target, fragment);
      })
      .map(([link]) => `${path}: nothing is at ${link.slice(1)}`),
  );
};

/** Decisions are listed by a page of their own. */
const INDEX_OF_DECISIONS = 'docs/decisions/README.md';

export const pagesAreOnTheSite: Rule = (sources) => {
  const index = sources.find(({ path }) => path === INDEX_OF_DECISIONS)?.text ?? '';
  const listed = new Set(
    Object.values(TOPICS).flatMap((pages) => Object.values(pages).map((path) => path.replace(/#.*/, ''))),
  );
  return sources
    .filter((source) => isMarkdown(source) && source.path.startsWith('docs/') && !listed.has(source.path))
    .filter(
      ({ path }) => !(path.startsWith('docs/decisions/') && index.includes(`](${posix.basename(path)})`)),
    )
    .map(({ path }) => `${path}: list it in docs/site/topics.ts, or a decision in ${INDEX_OF_DECISIONS}`);
};
