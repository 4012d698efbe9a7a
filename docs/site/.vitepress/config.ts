import { defineConfig } from 'vitepress';
import { fragmentOf, pathOnSite, TOPICS } from '../topics.js';
import { writeForPrograms } from './for-programs.js';
import { linksWithinSite } from './links.js';

export default defineConfig({
  title: 'Syncline',
  description: 'Distributed locks, queues and a coherent cache on Redis',
  lang: 'en',
  head: [['link', { rel: 'icon', href: 'data:,' }]],
  srcDir: '../..',
  // Pages that are not those of users.
  srcExclude: ['{apps,deploy,libs,scripts,test}/**', 'benchmarks/harness/**', 'SECURITY.md', '.data/**'],
  rewrites: pathOnSite,
  outDir: '../../dist/docs',
  cacheDir: 'node_modules/.cache/vitepress',
  // Pages link to nodes that `npm start` runs. Other dead links fail the build.
  ignoreDeadLinks: 'localhostLinks',
  markdown: {
    anchor: { slugify: fragmentOf },
    config: linksWithinSite,
  },
  themeConfig: {
    search: {
      provider: 'local',
      options: {
        miniSearch: {
          // What explains comes before what lists.
          searchOptions: { boostDocument: (page: string) => (page.includes('/reference/') ? 0.3 : 1) },
        },
      },
    },
    outline: [2, 3],
    sidebar: Object.entries(TOPICS).map(([text, pages]) => ({
      text,
      items: Object.entries(pages).map(([title, path]) => ({ text: title, link: `/${pathOnSite(path)}` })),
    })),
  },
  buildEnd: writeForPrograms,
});
