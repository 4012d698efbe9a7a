import { cpSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { SiteConfig } from 'vitepress';
import { TOPICS } from '../topics.js';

/** Documents that programs read, which the pages link to. */
const DOCUMENTS = ['docs/openapi', 'docs/api-keys.schema.json'];

/**
 * Writes what programs read: `llms.txt`, which lists the pages, and their Markdown and the documents of the nodes, at their paths in
 * the repository, so that the links in them hold.
 */
export function writeForPrograms({ srcDir, outDir, pages, site }: SiteConfig): void {
  for (const path of [...pages, ...DOCUMENTS])
    cpSync(join(srcDir, path), join(outDir, path), { recursive: true });
  const topics = Object.entries(TOPICS).map(([topic, titles]) => {
    const links = Object.entries(titles).map(([title, path]) => `- [${title}](${site.base}${path})`);
    return `## ${topic}\n\n${links.join('\n')}\n`;
  });
  const text = `# ${site.title}\n\n> ${site.description}\n\n${topics.join('\n')}`;
  writeFileSync(join(outDir, 'llms.txt'), text);
}
