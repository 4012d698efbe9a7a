import { existsSync } from 'node:fs';
import { dirname, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { MarkdownRenderer } from 'vitepress';
import { pathOnSite } from '../topics.js';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
/** Pages, and what `writeForPrograms` copies. */
const ON_SITE = /^(docs\/.*|examples\/\w+|benchmarks\/\w+|README|CHANGELOG|CONTRIBUTING)\.(md|json)$/;
/** A path with a fragment or without one, not a URL. */
const LINK = /^(?!\w+:)([^#]+)(#.*)?$/;

type Token = ReturnType<MarkdownRenderer['parse']>[number];

/**
 * Pages link to each other, and to other files, by their paths in the repository. The first become links of the site; the others
 * become plain text, because the site does not have what they lead to.
 */
export function linksWithinSite(md: MarkdownRenderer): void {
  md.core.ruler.push('links-within-site', ({ tokens, env }) => {
    const folder = dirname(env.realPath ?? env.path);
    for (const { children } of tokens) if (children) leadWithinSite(children, folder);
  });
}

function leadWithinSite(tokens: Token[], folder: string): void {
  for (const [i, token] of tokens.entries()) {
    const [, path, fragment = ''] = LINK.exec(token.attrGet('href') ?? '') ?? [];
    if (path === undefined) continue;
    const target = resolve(folder, path);
    if (!existsSync(target)) throw new Error(`${folder}: a link leads nowhere: ${path}`);
    const file = relative(ROOT, target);
    if (ON_SITE.test(file)) {
      token.attrSet('href', `/${file.endsWith('.md') ? pathOnSite(file) : file}${fragment}`);
    } else {
      const end = tokens.slice(i).find(({ type }) => type === 'link_close');
      for (const side of [token, end])
        if (side) Object.assign(side, { type: 'text', content: '', nesting: 0 });
    }
  }
}
